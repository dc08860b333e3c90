import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { openSources, type LiveSources } from '../compose/liveSources.ts';
import { openLiveValues, type LiveValues } from '../compose/liveValues.ts';
import { databasePlace } from '../compose/places.ts';
import { createSettingsDocument, type SettingsDocument } from '../compose/settingsDocument.ts';
import { isPageKey } from '../config/pageValues.ts';
import type { Config } from '../config/config.ts';
import { effectiveSettings, settingLines, type EffectiveSetting } from '../config/effectiveSettings.ts';
import { keptDestinations, PAGE_DESTINATIONS } from '../config/pageDestinations.ts';
import { PAGE_SOURCES } from '../config/pageSources.ts';
import { isMade, openDatabase } from '../worklist/db/database.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import { makeDatabase } from './modelDatabase.ts';
import { printJson, printLine, table } from './output.ts';

const CONFIG_OPTION = [
  '--config <FILE>',
  'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)',
] as const;

/** `odontoid config`: what the agent would work with, and what of it was set on the page. */
export function configCommand(): Command {
  const config = new Command('config').exitOverride();
  for (const command of [showCommand(), exportCommand(), importCommand()]) config.addCommand(command.exitOverride());
  return config;
}

function showCommand(): Command {
  return new Command('show')
    .description('every setting as it is in force, and where it comes from; secrets are named, never shown')
    .option('--changed', 'only what is not left at its default')
    .option(...CONFIG_OPTION)
    .option('--json', 'print [{key, value, default, origin, place, description}]')
    .action(async (options: { changed?: true; config?: string; json?: true }) => {
      const { config, settings } = effectiveSettings(options.config, process.env);
      const all =
        config.web.settings === 'page' && (await isMade(databasePlace(config)))
          ? await onPageSettings(config, settings, (page) => withPageEntries(settings, page))
          : settings;
      const shown = options.changed ? all.filter(({ origin }) => origin !== 'default') : all;
      if (options.json) printJson(shown);
      else if (shown.length === 0) printLine('Every setting is left at its default.');
      else printLine(table(['setting', 'comes from', 'value'], shown.flatMap(rowsOf)));
    });
}

function exportCommand(): Command {
  return new Command('export')
    .description('what admins have set on the page, as YAML of the form of the configuration file')
    .option(...CONFIG_OPTION)
    .action(async (options: { config?: string }) => {
      const { config, settings } = effectiveSettings(options.config, process.env);
      await makeDatabase(config);
      printLine(await onPageSettings(config, settings, ({ document }) => document.exported().trimEnd()));
    });
}

function importCommand(): Command {
  return new Command('import')
    .description('sets what such a file says, all of it or nothing; a running agent follows within a minute')
    .argument('<FILE>', 'YAML of "odontoid config export", or of the page Settings')
    .requiredOption('--reason <TEXT>', 'why: it stays on record')
    .option('--by <NAME>', 'who decides (default: your user name)')
    .option(...CONFIG_OPTION)
    .option('--json', 'print {keys}')
    .action(async (file: string, options: { reason: string; by?: string; config?: string; json?: true }) => {
      const { config, settings } = effectiveSettings(options.config, process.env);
      const text = await readFile(file, 'utf8');
      await makeDatabase(config);
      const by = { name: options.by ?? userInfo().username, address: '' };
      const keys = await onPageSettings(config, settings, ({ document }) =>
        document.imported(text, { reason: options.reason, by }),
      );
      if (options.json) printJson({ keys });
      else if (keys.length === 0) printLine('The file says nothing, so nothing was set.');
      else
        printLine(`Set: ${keys.join(', ')} (${by.name}: ${options.reason}). A running agent follows within a minute.`);
    });
}

interface PageSide {
  values: LiveValues;
  sources: LiveSources;
  document: SettingsDocument;
}

/** Runs `use` on what the agent's database keeps of the page, while the agent may be running. */
async function onPageSettings<T>(
  config: Config,
  settings: readonly EffectiveSetting[],
  use: (page: PageSide) => T | Promise<T>,
): Promise<T> {
  const database = await openDatabase(databasePlace(config));
  try {
    const ports = { clock: systemClock, settings };
    const values = await openLiveValues(config, database, ports);
    const sources = await openSources({ config, database, ports });
    const changes = createPageSettings(database, systemClock);
    return await use({ values, sources, document: createSettingsDocument({ values, sources, changes }) });
  } finally {
    await database.close();
  }
}

/** With what admins have set on the page, beside the files. */
function withPageEntries(settings: readonly EffectiveSetting[], { values, sources }: PageSide): EffectiveSetting[] {
  const ofPage = values.now();
  const added: Record<string, readonly [value: readonly unknown[] | null, description: string]> = {
    [PAGE_SOURCES]: [sources.ofPage(), 'Senders let in on the page, beside those above.'],
    [PAGE_DESTINATIONS]: [keptDestinations(ofPage.destinations ?? []), 'Set on the page, beside those above.'],
  };
  return settings.flatMap((one): EffectiveSetting[] => {
    const [value, description] = added[one.key] ?? [isPageKey(one.key) ? ofPage[one.key] : undefined, null];
    if (description === null)
      return [value === undefined ? one : { ...one, value, origin: 'page' as const, place: null }];
    if (value === null || value.length === 0) return [one];
    return [one, { ...one, value, default: null, origin: 'page', place: null, description }];
  });
}

/** One row, or one more for each entry of a list. */
function rowsOf({ key, value, origin, place }: EffectiveSetting): string[][] {
  return settingLines(value).map((line, index) => (index === 0 ? [key, place ?? origin, line] : ['', '', line]));
}
