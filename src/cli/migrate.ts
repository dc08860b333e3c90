import { Command } from 'commander';
import { databasePlace } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { makeFolder } from '../base/durably.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { migrate, placeText } from '../worklist/db/database.ts';
import { printJson, printLine } from './output.ts';

/** `odontoid migrate`: migrates the database to this version. `serve` does it automatically; this command does it beforehand. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {database, applied, version}')
    .action(async (options: { config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      await makeFolder(config.dataDir);
      const unlock = lockDataDir(config.dataDir);
      try {
        const place = databasePlace(config);
        const database = placeText(place);
        const { applied, version } = await migrate(place);
        if (options.json) printJson({ database, applied, version });
        else
          printLine(
            applied.length === 0
              ? `${database} is at ${version} already.`
              : `${database}: applied ${applied.join(', ')}`,
          );
      } finally {
        unlock();
      }
    });
}
