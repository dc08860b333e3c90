import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isNode, LineCounter, parse, parseDocument, stringify, type Document } from 'yaml';
import { z } from 'zod';
import { messageOf, TriageError } from '../base/errors.ts';
import { packageRoot } from '../base/packageRoot.ts';
import { validatorWords } from '../base/validatorWords.ts';
import { configSchema } from './config.ts';

/** Environment variables such as `ODONTOID__RECEIVE__PORT=11113` override the files; two underscores enter a section. */
const ENVIRONMENT_PREFIX = 'ODONTOID__';

/** One place that settings come from; a later layer goes over an earlier one. */
export interface ConfigLayer {
  origin: 'default' | 'file' | 'environment';
  /** For messages: a path, or `environment`. */
  name: string;
  value: unknown;
  document?: Document.Parsed;
  lines?: LineCounter;
  /** Variables of the environment by the key that each sets. */
  variables?: ReadonlyMap<string, string>;
}

/**
 * `config/default.yaml`, the site's file over it, and the environment over both. The site's file is `path`, else `ODONTOID_CONFIG`, else `odontoid.yaml` in the
 * working directory where there is one.
 *
 * @throws TriageError `config-invalid` when a layer cannot be read or has a key or a value that there is not
 */
export function readLayers(path: string | undefined, environment: NodeJS.ProcessEnv): ConfigLayer[] {
  const layers = [readFileLayer(resolve(packageRoot, 'config/default.yaml'), 'default')];
  const site = path ?? environment['ODONTOID_CONFIG'] ?? (existsSync('odontoid.yaml') ? 'odontoid.yaml' : undefined);
  if (site !== undefined) layers.push(readFileLayer(resolve(site), 'file'));
  layers.push(environmentLayer(environment));
  // Layer by layer, so that the message can name the line.
  for (const layer of layers) parseLayers([layer]);
  return layers;
}

/** The layers merged, with the schema's defaults. @throws TriageError `config-invalid` that names file, line, key and what is wanted */
export function parseLayers(layers: readonly ConfigLayer[]): z.output<typeof configSchema> {
  const merged = layers.reduce<unknown>((base, layer) => merge(base, layer.value), {});
  const parsed = configSchema.safeParse(merged, { error: validatorWords });
  if (parsed.success) return parsed.data;
  throw new TriageError('config-invalid', parsed.error.issues.map((issue) => describe(issue, layers)).join('\n'));
}

function readFileLayer(path: string, origin: 'default' | 'file'): ConfigLayer {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new TriageError('config-invalid', `The configuration file ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const first = document.errors[0];
  if (first) throw new TriageError('config-invalid', `${path}: ${first.message}`);
  return { origin, name: path, value: document.toJS() ?? {}, document, lines };
}

function environmentLayer(environment: NodeJS.ProcessEnv): ConfigLayer {
  const value: Record<string, unknown> = {};
  const variables = new Map<string, string>();
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined) continue;
    const path: string[] = [];
    for (const word of name.slice(ENVIRONMENT_PREFIX.length).split('__')) {
      const wanted = word.replaceAll('_', '').toLowerCase();
      const known = knownKeys(path).find((key) => key.toLowerCase() === wanted);
      if (known === undefined) {
        const near = nearest(wanted, knownKeys(path));
        throw new TriageError(
          'config-invalid',
          `environment: ${name} names no option${near === null ? '' : `; did you mean ${[...path, near].join('.')}?`}`,
        );
      }
      path.push(known);
    }
    let section = value;
    for (const step of path.slice(0, -1)) section = (section[step] ??= {}) as Record<string, unknown>;
    // Values are parsed as YAML, so numbers, booleans and lists are read as in the files.
    section[path.at(-1)!] = parseDocument(text).toJS() as unknown;
    variables.set(path.join('.'), name);
  }
  return { origin: 'environment', name: 'environment', value, variables };
}

function describe(issue: z.core.$ZodIssue, layers: readonly ConfigLayer[]): string {
  const path = issue.path.map(String);
  const said = (at: readonly string[]): string => {
    const place = placeOf(at, layers);
    return place === null ? '' : `${place}: `;
  };
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const near = nearest(key, knownKeys(path));
        return `${said([...path, key])}${[...path, key].join('.')} is not an option${near === null ? '' : `; did you mean ${[...path, near].join('.')}?`}`;
      })
      .join('\n');
  }
  return `${said(path)}${path.join('.') || 'the configuration'}: ${issue.message}`;
}

/** Where a key is set, in the last layer that has it: `file:line:column`, a variable's name, or a layer's name. Null when no layer has it. */
export function placeOf(path: readonly string[], layers: readonly ConfigLayer[]): string | null {
  for (const layer of [...layers].reverse()) {
    // A missing key has no node of its own: point to its nearest parent.
    for (let depth = path.length; depth > 0; depth--) {
      const variable = layer.variables?.get(path.slice(0, depth).join('.'));
      if (variable !== undefined) return variable;
      if (layer.document === undefined || layer.lines === undefined) {
        if (layer.variables === undefined && valueAt(layer.value, path) !== undefined) return layer.name;
        continue;
      }
      const steps = path.slice(0, depth).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      const node = layer.document.getIn(steps, true);
      if (isNode(node) && node.range) {
        const { line, col } = layer.lines.linePos(node.range[0]);
        return `${layer.name}:${line}:${col}`;
      }
    }
  }
  return null;
}

/** The value under a path of keys; undefined where there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (isSection(inner) ? inner[step] : undefined), value);
}

export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Merges sections key by key; everything else, including lists, is replaced. */
function merge(base: unknown, over: unknown): unknown {
  if (!isSection(base) || !isSection(over)) return over;
  const out: Record<string, unknown> = Object.assign(Object.create(null) as Record<string, unknown>, base);
  for (const [key, value] of Object.entries(over)) out[key] = key in out ? merge(out[key], value) : value;
  return { ...out };
}

function knownKeys(path: readonly string[]): string[] {
  let node = configJsonSchema();
  for (const step of path) node = node.properties?.[step] ?? node.items ?? {};
  const alternatives = node.oneOf ?? node.anyOf ?? [node];
  return alternatives.flatMap((alternative) => Object.keys(alternative.properties ?? {}));
}

/** What is used of the JSON Schema of the configuration. */
export interface SettingSchema {
  description?: string;
  default?: unknown;
  properties?: Record<string, SettingSchema>;
  items?: SettingSchema;
  oneOf?: SettingSchema[];
  anyOf?: SettingSchema[];
}

let jsonSchema: SettingSchema | null = null;

/** The configuration's JSON Schema, as a site's file is to meet it. */
export function configJsonSchema(): SettingSchema {
  return (jsonSchema ??= z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SettingSchema);
}

/** The known word nearest to `word` by edit distance, or null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: { word: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (best === null || distance < best.distance) best = { word: candidate, distance };
  }
  return best !== null && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.word : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}

/** The value that a person has typed. @throws TriageError `command-invalid` when it is no YAML */
export function yamlValue(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (error) {
    throw new TriageError('command-invalid', `This is no YAML: ${messageOf(error)}`, { cause: error });
  }
}

/** A value as a person types it. */
export const yamlText = (value: unknown): string => stringify(value);
