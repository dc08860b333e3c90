import { TriageError, messageOf } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { Config } from './config.ts';
import { checkSelection } from './configFile.ts';
import { yamlValue } from './configLayers.ts';
import { housekeepingSettings } from './operationSettings.ts';
import { selectionSettings } from './selectionSettings.ts';
import { worklistSettings } from './worklistSettings.ts';

/** The settings that the page may set where files and variables leave them at their default, beside the senders of `receive.sources`. */
const SCHEMAS = {
  'worklist.maxWaitMinutes': worklistSettings.unwrap().shape.maxWaitMinutes,
  'worklist.viewerUrl': worklistSettings.unwrap().shape.viewerUrl,
  'housekeeping.retentionDays': housekeepingSettings.unwrap().shape.retentionDays,
  selection: selectionSettings,
} as const;

export type PageKey = keyof typeof SCHEMAS;
export const PAGE_KEYS = Object.keys(SCHEMAS) as PageKey[];

/** What the page says; a key that it does not set is absent. */
export interface PageValues {
  'worklist.maxWaitMinutes'?: number;
  'worklist.viewerUrl'?: string;
  'housekeeping.retentionDays'?: number;
  selection?: Config['selection'];
}

export const isPageKey = (key: string): key is PageKey => Object.hasOwn(SCHEMAS, key);

/** A value for a key, checked as one of the file would be. @throws TriageError `command-invalid` */
export function checkedPageValue<Key extends PageKey>(key: Key, value: unknown, config: Config): PageValues[Key] {
  const parsed = SCHEMAS[key].safeParse(value, { error: validatorWords });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TriageError('command-invalid', `${[key, ...issue!.path.map(String)].join('.')}: ${issue!.message}`);
  }
  try {
    if (key === 'selection')
      checkSelection({ selection: parsed.data as Config['selection'], destinations: config.destinations });
  } catch (error) {
    throw new TriageError('command-invalid', messageOf(error), { cause: error });
  }
  return parsed.data as PageValues[Key];
}

/** What a person has typed for a key: YAML, as it would stand in the file. @throws TriageError `command-invalid` */
export function typedPageValue<Key extends PageKey>(key: Key, text: string, config: Config): PageValues[Key] {
  // An address may hold what YAML reads as a mapping or a comment.
  return checkedPageValue(key, key === 'worklist.viewerUrl' ? text.trim() : yamlValue(text), config);
}

/** The configuration with what the page says, from one moment to the next: `values` is asked at each look. */
export function liveConfig(config: Config, values: () => PageValues): Config {
  return {
    ...config,
    get selection() {
      return values().selection ?? config.selection;
    },
    get worklist() {
      const { 'worklist.maxWaitMinutes': maxWaitMinutes, 'worklist.viewerUrl': viewerUrl } = values();
      return {
        ...config.worklist,
        ...(maxWaitMinutes !== undefined && { maxWaitMinutes }),
        ...(viewerUrl !== undefined && { viewerUrl }),
      };
    },
    get housekeeping() {
      const { 'housekeeping.retentionDays': retentionDays } = values();
      return { ...config.housekeeping, ...(retentionDays !== undefined && { retentionDays }) };
    },
  };
}
