import { messageOf, TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import type { EffectiveSetting } from '../config/effectiveSettings.ts';
import { keptDestinations, PAGE_DESTINATIONS } from '../config/pageDestinations.ts';
import { checkedPageValues, liveConfig, PAGE_KEYS, type PageKey, type PageValues } from '../config/pageValues.ts';
import { readCron } from '../housekeeping/schedule.ts';
import type { WorklistDatabase } from '../worklist/db/database.ts';
import { createPageSettings, type NextSetting, type Why } from '../worklist/settings/pageSettings.ts';

/** New values for some keys; null takes back what the page has said. */
type SaidValues = Partial<Record<PageKey, unknown>>;

/** Settings that admins set on the page beside files and variables; each takes force at once. */
export interface LiveValues {
  /** The configuration as it is in force from one moment to the next. */
  config: Config;
  /** What the files alone say. */
  ofFiles: Config;
  now(): PageValues;
  /** Why the page may not set a key; null when it may. */
  whyNot(key: PageKey): string | null;
  /** What the page would say then. @throws TriageError `command-invalid` where it may not set one of the keys, or not to this value */
  check(said: SaidValues): PageValues;
  /** As they go into the database, all of them or none. @throws TriageError `command-invalid` */
  toKeep(said: SaidValues): NextSetting[];
  /**
   * Sets what `next` makes of what the page says now.
   * @throws TriageError `command-invalid` where the page may not set it, or somebody else was faster
   */
  change(next: (now: PageValues) => SaidValues, why: Why): Promise<void>;
  /** Puts into force what the database says. */
  read(): Promise<void>;
  /** Called after each change. */
  onChange(listener: () => void): void;
}

/** @throws TriageError `command-invalid` for what is no cron expression */
function checkSchedule(schedule: string): void {
  try {
    if (schedule !== 'off') readCron('proofOfLife.schedule', schedule);
  } catch (error) {
    throw new TriageError('command-invalid', messageOf(error), { cause: error });
  }
}

export async function openLiveValues(
  ofFiles: Config,
  database: WorklistDatabase,
  { clock, settings: known }: { clock: Clock; settings?: readonly EffectiveSetting[] | undefined },
): Promise<LiveValues> {
  const kept = createPageSettings(database, clock);
  const placeOf = (key: PageKey) => known?.find((one) => one.key === key && one.origin !== 'default') ?? null;
  const whyNot = (key: PageKey): string | null => {
    if (ofFiles.web.settings !== 'page') return 'This site keeps its settings in files (web.settings).';
    // The page adds destinations to those of the file, and replaces nothing.
    const said = key === PAGE_DESTINATIONS ? null : placeOf(key);
    return said === null ? null : `${said.place ?? said.origin} says it: change it there.`;
  };
  const listeners: (() => void)[] = [];
  /** As they are in the database. */
  let found: SaidValues = {};
  let values: PageValues = {};
  const read = async (): Promise<void> => {
    const present: SaidValues = {};
    for (const key of PAGE_KEYS) if (whyNot(key) === null) present[key] = await kept.current(key);
    values = checkedPageValues(present, ofFiles);
    found = present;
    for (const listener of listeners) listener();
  };
  await read();
  const check = (said: SaidValues): PageValues => {
    for (const key of Object.keys(said) as PageKey[]) {
      const refusal = whyNot(key);
      if (refusal !== null) throw new TriageError('command-invalid', `${key} cannot be set on this page. ${refusal}`);
    }
    const checked = checkedPageValues({ ...values, ...said }, ofFiles);
    checkSchedule(checked['proofOfLife.schedule'] ?? 'off');
    return checked;
  };
  const toKeep = (said: SaidValues): NextSetting[] => {
    const checked = check(said);
    return (Object.keys(said) as PageKey[]).map((key) => {
      const value = key === PAGE_DESTINATIONS ? keptDestinations(checked.destinations ?? []) : checked[key];
      return { key, next: () => value ?? null };
    });
  };
  return {
    config: liveConfig(ofFiles, () => values),
    ofFiles,
    now: () => values,
    whyNot,
    check,
    toKeep,
    change: async (next, why) => {
      await read();
      const seen = found;
      const settings = toKeep(next(values)).map(({ key, next: after }): NextSetting => {
        const before = JSON.stringify(seen[key as PageKey]);
        const next = (current: unknown): unknown => {
          if (JSON.stringify(current) !== before)
            throw new TriageError('command-invalid', `Somebody else has changed ${key} meanwhile. Look at it again.`);
          return after(current);
        };
        return { key, next };
      });
      await kept.change(settings, why);
      await read();
    },
    read,
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}
