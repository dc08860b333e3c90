import { resolve } from 'node:path';
import { Command } from 'commander';
import { makeFolder } from '../base/durably.ts';
import { systemClock } from '../base/clock.ts';
import { dataPaths } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { restoreDatabase } from '../worklist/db/backups.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { migrate } from '../worklist/db/database.ts';
import { note, printJson, printLine } from './output.ts';

/** `odontoid restore FILE`: puts a backup in the place of the database; the old one is moved aside. */
export function restoreCommand(): Command {
  return new Command('restore')
    .argument('<FILE>', 'a backup: of odontoid backup, or of the folder backups in the data folder')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {database, movedTo, cases, instances, version}')
    .action(async (file: string, options: { config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      const { database } = dataPaths(config);
      await makeFolder(config.dataDir);
      const unlock = lockDataDir(config.dataDir);
      try {
        const { movedTo, ...facts } = await restoreDatabase(resolve(file), database, systemClock.now());
        await migrate(database);
        if (options.json) printJson({ database, movedTo, ...facts });
        else printLine(`${database}: restored, ${facts.cases} cases, ${facts.instances} objects on record`);
        if (movedTo !== null) note(`What was there lies in ${movedTo}.`);
        note('Next: odontoid serve, then odontoid ledger, which names the studies to send again (docs/disaster.md).');
      } finally {
        unlock();
      }
    });
}
