import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { dataPaths } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { backupDatabase, stampOf } from '../worklist/db/backups.ts';
import { printJson, printLine } from './output.ts';

/** `odontoid backup --to DIR`: a checked copy of the database elsewhere, made while the agent runs. */
export function backupCommand(): Command {
  return new Command('backup')
    .requiredOption('--to <DIR>', 'folder of the backup: on another disk or machine')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {file, cases, instances, version}')
    .action(async (options: { to: string; config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      const file = join(resolve(options.to), `worklist-${stampOf(systemClock.now())}.sqlite`);
      const facts = await backupDatabase(dataPaths(config).database, file);
      if (options.json) printJson({ file, ...facts });
      else
        printLine(`${file}: sound, ${facts.cases} cases, ${facts.instances} objects on record, as of ${facts.version}`);
    });
}
