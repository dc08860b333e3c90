import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { makeFolder } from '../base/durably.ts';
import { systemClock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { dataPaths } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { restoreDatabase } from '../worklist/db/backups.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { migrate } from '../worklist/db/database.ts';
import { openSealedBackup, SEALED } from '../worklist/db/sealedBackups.ts';
import { refuseOnServer } from './backup.ts';
import { note, printJson, printLine } from './output.ts';

/** `odontoid restore FILE`: puts a backup in the place of the database; the old one is moved aside. */
export function restoreCommand(): Command {
  return new Command('restore')
    .argument('<FILE>', 'a backup: of odontoid backup, or of the folder backups in the data folder')
    .option('--identity <FILE>', 'secret key of an encrypted backup, as age-keygen wrote it')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {database, movedTo, cases, instances, version}')
    .action(async (file: string, options: { identity?: string; config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      refuseOnServer(config);
      const { database } = dataPaths(config);
      await makeFolder(config.dataDir);
      const unlock = lockDataDir(config.dataDir);
      try {
        const { movedTo, ...facts } = await restoreFrom(resolve(file), database, options.identity);
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

/** Restores a backup, from a decrypted copy in the data folder where it is encrypted. @throws TriageError as `restoreDatabase` and `openSealedBackup` */
async function restoreFrom(file: string, database: string, identity: string | undefined) {
  if (!file.endsWith(SEALED)) return restoreDatabase(file, database, systemClock.now());
  if (identity === undefined)
    throw new TriageError('command-invalid', `${file} is encrypted. Give its secret key: --identity FILE`);
  const plain = `${database}.unsealed`;
  try {
    await openSealedBackup(file, keysOf(resolve(identity)), plain);
    return await restoreDatabase(plain, database, systemClock.now());
  } finally {
    await rm(plain, { force: true });
  }
}

function keysOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TriageError('command-invalid', `The key cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
