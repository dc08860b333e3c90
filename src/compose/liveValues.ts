import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import type { EffectiveSetting } from '../config/effectiveSettings.ts';
import { checkedPageValue, liveConfig, PAGE_KEYS, type PageKey, type PageValues } from '../config/pageValues.ts';
import type { WorklistDatabase } from '../worklist/db/database.ts';
import { createPageSettings, type Why } from '../worklist/settings/pageSettings.ts';

/** Settings that admins set on the page where files and variables say nothing; each takes force at once. */
export interface LiveValues {
  /** The configuration as it is in force from one moment to the next. */
  config: Config;
  now(): PageValues;
  /** Why the page may not set a key; null when it may. */
  whyNot(key: PageKey): string | null;
  /** @throws TriageError `command-invalid` where the page may not set the key, or not to this value */
  check(key: PageKey, value: unknown): void;
  /** Null takes back what the page has said. @throws TriageError `command-invalid` where the page may not set it */
  set(key: PageKey, value: unknown, why: Why): Promise<void>;
  /** Puts into force what the database says. */
  read(): Promise<void>;
}

export async function openLiveValues(
  config: Config,
  database: WorklistDatabase,
  { clock, settings: known }: { clock: Clock; settings?: readonly EffectiveSetting[] | undefined },
): Promise<LiveValues> {
  const kept = createPageSettings(database, clock);
  const placeOf = (key: PageKey) => known?.find((one) => one.key === key && one.origin !== 'default') ?? null;
  const whyNot = (key: PageKey): string | null => {
    if (config.web.settings !== 'page') return 'This site keeps its settings in files (web.settings).';
    const said = placeOf(key);
    return said === null ? null : `${said.place ?? said.origin} says it: change it there.`;
  };
  let values: PageValues = {};
  const read = async (): Promise<void> => {
    const found: Record<string, unknown> = {};
    for (const key of PAGE_KEYS) {
      const value = whyNot(key) === null ? await kept.current(key) : null;
      if (value !== null) found[key] = checkedPageValue(key, value, config);
    }
    values = found;
  };
  await read();
  const check = (key: PageKey, value: unknown): void => {
    const refusal = whyNot(key);
    if (refusal !== null) throw new TriageError('command-invalid', `${key} cannot be set on this page. ${refusal}`);
    if (value !== null) checkedPageValue(key, value, config);
  };
  return {
    config: liveConfig(config, () => values),
    now: () => values,
    whyNot,
    check,
    set: async (key, value, why) => {
      check(key, value);
      await kept.change([{ key, next: () => value }], why);
      await read();
    },
    read,
  };
}
