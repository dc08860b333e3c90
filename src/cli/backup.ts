import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { dataPaths } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import { backupDatabase, stampOf } from '../worklist/db/backups.ts';
import { backupSealed, SEALED } from '../worklist/db/sealedBackups.ts';
import { printJson, printLine } from './output.ts';

/** A server has means of its own, which know what is written meanwhile. @throws TriageError `command-invalid` for a worklist in PostgreSQL */
export function refuseOnServer({ database: { url } }: Config): void {
  if (url !== undefined)
    throw new TriageError(
      'command-invalid',
      `The worklist is in PostgreSQL, which is backed up and restored by its own means: pg_dump --format=custom --dbname=${url} (docs/scale-out.md).`,
    );
}

/** `odontoid backup --to DIR`: a checked copy of the database elsewhere, made while the agent runs. */
export function backupCommand(): Command {
  return new Command('backup')
    .requiredOption('--to <DIR>', 'folder of the backup: on another disk or machine')
    .option('--recipient <KEY...>', 'encrypt it to these public keys (age1..., from age-keygen)')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {file, cases, instances, version}')
    .action(async (options: { to: string; recipient?: string[]; config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      refuseOnServer(config);
      const { database, backups } = dataPaths(config);
      const recipients = options.recipient ?? [];
      const name = `worklist-${stampOf(systemClock.now())}.sqlite${recipients.length > 0 ? SEALED : ''}`;
      const file = join(resolve(options.to), name);
      const facts =
        recipients.length > 0
          ? await backupSealed({ database, scratch: backups, target: file, recipients })
          : await backupDatabase(database, file);
      if (options.json) printJson({ file, ...facts });
      else
        printLine(`${file}: sound, ${facts.cases} cases, ${facts.instances} objects on record, as of ${facts.version}`);
    });
}
