import type { Config } from './config.ts';
import { finished } from './configFile.ts';
import {
  configJsonSchema,
  isSection,
  parseLayers,
  placeOf,
  readLayers,
  valueAt,
  type ConfigLayer,
  type SettingSchema,
} from './configLayers.ts';

/** One setting as it is in force, and where its value comes from. */
export interface EffectiveSetting {
  /** `receive.port`; a list (`destinations`) is one setting. */
  key: string;
  /** Null when it is not set. */
  value: unknown;
  /** What applies when nothing is said; null where that is nothing. */
  default: unknown;
  origin: ConfigLayer['origin'] | 'page';
  /** `file:line:column` or the name of the variable; null for a default. */
  place: string | null;
  description: string;
}

/** Every setting, in the order of the schema. @throws TriageError `config-invalid` as `loadConfig` */
export function effectiveSettings(
  path: string | undefined,
  environment: NodeJS.ProcessEnv,
): { config: Config; settings: EffectiveSetting[] } {
  const layers = readLayers(path, environment);
  const config = finished(parseLayers(layers));
  return { config, settings: settingsOf(config, layers) };
}

/** Every setting of a configuration, with its place in the layers that it was made of. */
export function settingsOf(config: Config, layers: readonly ConfigLayer[]): EffectiveSetting[] {
  const settings: EffectiveSetting[] = [];
  const walk = (schema: SettingSchema, value: unknown, keys: readonly string[]): void => {
    if (isSection(value)) {
      for (const key of Object.keys({ ...schema.properties, ...value }))
        walk(schema.properties?.[key] ?? optionOf(schema, key), value[key], [...keys, key]);
      return;
    }
    const layer = layers.findLast(({ value }) => valueAt(value, keys) !== undefined);
    const origin = layer?.origin ?? 'default';
    settings.push({
      key: keys.join('.'),
      value: withoutPasswords(value ?? null),
      default: schema.default ?? null,
      origin,
      place: origin === 'default' ? null : placeOf(keys, [layer!]),
      description: schema.description ?? '',
    });
  };
  walk(configJsonSchema(), config, []);
  return settings;
}

/** A value as people read it: a line, or one for each entry of a list. */
export function settingLines(value: unknown): string[] {
  if (value === null) return ['not set'];
  if (!Array.isArray(value)) return [textOf(value)];
  return value.length === 0 ? ['none'] : value.map(textOf);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value || '""' : JSON.stringify(value));

/** The schema of a key that only some alternatives of a section have. */
function optionOf(schema: SettingSchema, key: string): SettingSchema {
  return schema.oneOf?.find(({ properties }) => properties?.[key] !== undefined)?.properties?.[key] ?? {};
}

/** Secrets are named by file or variable and never stand here, but an address can hold a password. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(\/\/[^/?#@\s]*:)[^/?#@\s]+@/g, '$1***@');
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (!isSection(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPasswords(inner)]));
}
