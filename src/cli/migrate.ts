import { Command, Option } from 'commander';
import { TriageError } from '../base/errors.ts';
import { dataPaths, databasePlace, nodeNameOf } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import type { Config } from '../config/config.ts';
import { makeFolder } from '../base/durably.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import {
  isMade,
  migrate,
  openDatabase,
  placeText,
  type PostgresPlace,
  type WorklistDatabase,
} from '../worklist/db/database.ts';
import type { Ledger } from '../worklist/list/ledger.ts';
import { EXIT } from './exit.ts';
import { ledgerOf, printLedger } from './ledger.ts';
import { printJson, printLine, table } from './output.ts';

interface Options {
  config?: string;
  from?: 'sqlite';
  json?: true;
}

/** `odontoid migrate`: migrates the database to this version. `serve` does it automatically; this command does it beforehand. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .addOption(
      new Option('--from <sqlite>', 'carry the SQLite worklist of the data folder over into database.url').choices([
        'sqlite',
      ]),
    )
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {database, applied, version}; with --from also {carried, ledger}')
    .action(async (options: Options) => {
      const config = loadConfig(options.config, process.env);
      await makeFolder(config.dataDir);
      const unlock = lockDataDir(config.dataDir);
      try {
        const place = databasePlace(config);
        const source = options.from === undefined ? null : await preparedSource(config, place);
        const { applied, version } = await migrate(place);
        const database = placeText(place);
        const carried = source === null ? null : await carriedOver(source, place as PostgresPlace, config);
        if (carried?.ledger.balances === false) process.exitCode = EXIT.failed;
        if (options.json) printJson({ database, applied, version, ...carried });
        else {
          const done = applied.length === 0 ? ` is at ${version} already.` : `: applied ${applied.join(', ')}`;
          printLine(`${database}${done}`);
          if (carried !== null) printCarried(carried, source!);
        }
      } finally {
        unlock();
      }
    });
}

interface CarriedOver {
  /** Rows of each table, by its name. */
  carried: Record<string, number>;
  ledger: Ledger;
}

/** The SQLite file, brought to this version. @throws TriageError `config-invalid` where there is nothing to carry, or nowhere to */
async function preparedSource(config: Config, place: ReturnType<typeof databasePlace>): Promise<string> {
  const path = dataPaths(config).database;
  if (typeof place === 'string')
    throw new TriageError('config-invalid', 'database.url names no PostgreSQL database to carry the worklist over to.');
  if (!(await isMade(path))) throw new TriageError('config-invalid', `There is no SQLite worklist at ${path}.`);
  await migrate(path);
  return path;
}

/** @throws TriageError `database-invalid` when the worklist is not the same in PostgreSQL, which then has nothing of it */
async function carriedOver(path: string, place: PostgresPlace, config: Config): Promise<CarriedOver> {
  const { lockPostgres } = await import('../worklist/db/agentLock.ts');
  const { carryOver } = await import('../worklist/db/carryOver.ts');
  const release = await lockPostgres(place, { name: nodeNameOf(config), isAlone: true }, () => undefined);
  try {
    const carried = await onDatabase(await openDatabase(path), (source) => carryOver(source, place));
    const ledger = await onDatabase(await openDatabase(place), (target) => ledgerOf(target, config));
    return { carried: Object.fromEntries(carried), ledger };
  } finally {
    await release();
  }
}

async function onDatabase<Database extends WorklistDatabase, T>(
  database: Database,
  use: (database: Database) => Promise<T>,
): Promise<T> {
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

function printCarried({ carried, ledger }: CarriedOver, path: string): void {
  const filled = Object.entries(carried).filter(([, rows]) => rows > 0);
  printLine(
    table(
      ['table', 'rows'],
      filled.map(([name, rows]) => [name, String(rows)]),
    ),
  );
  printLine('Every row was read back and is the same.');
  printLine();
  printLedger(ledger);
  printLine(`${path} was left as it is. Move it away once the agent has run on PostgreSQL.`);
}
