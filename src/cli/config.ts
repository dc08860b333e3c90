import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { openLiveValues } from '../compose/liveValues.ts';
import { databasePlace } from '../compose/places.ts';
import { isPageKey } from '../config/pageValues.ts';
import type { Config } from '../config/config.ts';
import { effectiveSettings, settingLines, type EffectiveSetting } from '../config/effectiveSettings.ts';
import { PAGE_SOURCES, pageSourcesOf } from '../config/pageSources.ts';
import { isMade, openDatabase } from '../worklist/db/database.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import { printJson, printLine, table } from './output.ts';

/** `odontoid config`: what the agent would work with. */
export function configCommand(): Command {
  const config = new Command('config').exitOverride();
  config
    .command('show')
    .description('every setting as it is in force, and where it comes from; secrets are named, never shown')
    .option('--changed', 'only what is not left at its default')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print [{key, value, default, origin, place, description}]')
    .action(async (options: { changed?: true; config?: string; json?: true }) => {
      const { config, settings } = effectiveSettings(options.config, process.env);
      const all = await withPageEntries(config, settings);
      const shown = options.changed ? all.filter(({ origin }) => origin !== 'default') : all;
      if (options.json) printJson(shown);
      else if (shown.length === 0) printLine('Every setting is left at its default.');
      else printLine(table(['setting', 'comes from', 'value'], shown.flatMap(rowsOf)));
    });
  return config;
}

/** With what admins have set on the page, beside the files: the agent's database has it, where there is one. */
async function withPageEntries(config: Config, settings: EffectiveSetting[]): Promise<EffectiveSetting[]> {
  const place = databasePlace(config);
  if (config.web.settings === 'files' || !(await isMade(place))) return settings;
  const database = await openDatabase(place);
  try {
    const sources = pageSourcesOf(await createPageSettings(database, systemClock).current(PAGE_SOURCES));
    const values = (await openLiveValues(config, database, { clock: systemClock, settings })).now();
    const description = 'Senders let in on the page, beside those above.';
    return settings.flatMap((one): EffectiveSetting[] => {
      if (isPageKey(one.key) && values[one.key] !== undefined)
        return [{ ...one, value: values[one.key], origin: 'page', place: null }];
      const isMore = one.key === PAGE_SOURCES && sources.length > 0;
      return isMore
        ? [one, { ...one, value: sources, default: null, origin: 'page', place: null, description }]
        : [one];
    });
  } finally {
    await database.close();
  }
}

/** One row, or one more for each entry of a list. */
function rowsOf({ key, value, origin, place }: EffectiveSetting): string[][] {
  return settingLines(value).map((line, index) => (index === 0 ? [key, place ?? origin, line] : ['', '', line]));
}
