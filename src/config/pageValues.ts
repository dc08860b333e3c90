import { TriageError, messageOf } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { Config, Destination } from './config.ts';
import { checkDestinationNames, checkSelection, checkWebTls, secretsDirOf } from './configFile.ts';
import { yamlValue } from './configLayers.ts';
import { housekeepingSettings, proofOfLifeSettings } from './operationSettings.ts';
import { destinationsSettings } from './destinationSettings.ts';
import { checkNamedFiles, destinationsInForce, PAGE_DESTINATIONS } from './pageDestinations.ts';
import { selectionSettings } from './selectionSettings.ts';
import { worklistSettings } from './worklistSettings.ts';

/** The settings that the page may set where files and variables leave them at their default, beside the senders of `receive.sources`; and destinations, which it adds. */
const SCHEMAS = {
  'worklist.maxWaitMinutes': worklistSettings.unwrap().shape.maxWaitMinutes,
  'worklist.viewerUrl': worklistSettings.unwrap().shape.viewerUrl,
  'worklist.patientNames': worklistSettings.unwrap().shape.patientNames,
  'proofOfLife.schedule': proofOfLifeSettings.unwrap().shape.schedule,
  'housekeeping.retentionDays': housekeepingSettings.unwrap().shape.retentionDays,
  [PAGE_DESTINATIONS]: destinationsSettings.unwrap(),
  selection: selectionSettings,
} as const;

export type PageKey = keyof typeof SCHEMAS;
export const PAGE_KEYS = Object.keys(SCHEMAS) as PageKey[];

/** What the page says; a key that it does not set is absent. */
export interface PageValues {
  'worklist.maxWaitMinutes'?: number;
  'worklist.viewerUrl'?: string;
  'worklist.patientNames'?: Config['worklist']['patientNames'];
  'proofOfLife.schedule'?: string;
  'housekeeping.retentionDays'?: number;
  destinations?: Destination[];
  selection?: Config['selection'];
}

export const isPageKey = (key: string): key is PageKey => Object.hasOwn(SCHEMAS, key);

/**
 * What the page would say, checked as the file would be: each value by itself, and those that name each other together. A key of null is not set.
 * @throws TriageError `command-invalid`
 */
export function checkedPageValues(said: Partial<Record<PageKey, unknown>>, ofFiles: Config): PageValues {
  const values: Record<string, unknown> = {};
  for (const key of PAGE_KEYS) {
    const value = said[key] ?? null;
    if (value !== null) values[key] = checkedValue(key, value);
  }
  const { destinations: ofPage = [], selection = [] } = values as PageValues;
  for (const one of ofPage) checkNamedFiles(one, secretsDirOf(ofFiles));
  const destinations = destinationsInForce(ofFiles.destinations, ofPage);
  try {
    checkDestinationNames(ofPage);
    checkWebTls({ destinations: ofPage });
    checkSelection({ selection, destinations: [...destinations] });
  } catch (error) {
    throw new TriageError('command-invalid', messageOf(error), { cause: error });
  }
  return values;
}

function checkedValue(key: PageKey, value: unknown): unknown {
  const parsed = SCHEMAS[key].safeParse(value, { error: validatorWords });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TriageError('command-invalid', `${[key, ...issue!.path.map(String)].join('.')}: ${issue!.message}`);
}

/** What a person has typed for a key: YAML, as it would stand in the file. @throws TriageError `command-invalid` when it is no YAML */
export function typedPageValue(key: PageKey, text: string): unknown {
  return isPlainText(key) ? text.trim() : yamlValue(text);
}

/** Whether a value is typed as it is: an address may hold what YAML reads as a mapping or a comment, and a cron expression begins like an alias. */
export const isPlainText = (key: PageKey): boolean => key === 'worklist.viewerUrl' || key === 'proofOfLife.schedule';

/** The configuration with what the page says, from one moment to the next: `values` is asked at each look. */
export function liveConfig(config: Config, values: () => PageValues): Config {
  return {
    ...config,
    get destinations() {
      return [...destinationsInForce(config.destinations, values().destinations ?? [])];
    },
    get selection() {
      return values().selection ?? config.selection;
    },
    get worklist() {
      const said = values();
      return {
        ...config.worklist,
        maxWaitMinutes: said['worklist.maxWaitMinutes'] ?? config.worklist.maxWaitMinutes,
        viewerUrl: said['worklist.viewerUrl'] ?? config.worklist.viewerUrl,
        patientNames: said['worklist.patientNames'] ?? config.worklist.patientNames,
      };
    },
    get proofOfLife() {
      return { ...config.proofOfLife, schedule: values()['proofOfLife.schedule'] ?? config.proofOfLife.schedule };
    },
    get housekeeping() {
      const { 'housekeeping.retentionDays': retentionDays } = values();
      return { ...config.housekeeping, ...(retentionDays !== undefined && { retentionDays }) };
    },
  };
}
