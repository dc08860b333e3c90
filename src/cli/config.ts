import { Command } from 'commander';
import { effectiveSettings, type EffectiveSetting } from '../config/effectiveSettings.ts';
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
    .action((options: { changed?: true; config?: string; json?: true }) => {
      const { settings } = effectiveSettings(options.config, process.env);
      const shown = options.changed ? settings.filter(({ origin }) => origin !== 'default') : settings;
      if (options.json) printJson(shown);
      else if (shown.length === 0) printLine('Every setting is left at its default.');
      else printLine(table(['setting', 'comes from', 'value'], shown.flatMap(rowsOf)));
    });
  return config;
}

/** One row, or one more for each entry of a list. */
function rowsOf({ key, value, origin, place }: EffectiveSetting): string[][] {
  const from = place ?? origin;
  if (value === null) return [[key, from, 'not set']];
  if (!Array.isArray(value)) return [[key, from, textOf(value)]];
  if (value.length === 0) return [[key, from, 'none']];
  return value.map((entry: unknown, index) => (index === 0 ? [key, from, textOf(entry)] : ['', '', textOf(entry)]));
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value || '""' : JSON.stringify(value));
