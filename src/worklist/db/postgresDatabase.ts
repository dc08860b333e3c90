import { Kysely, HandleEmptyInListsPlugin, replaceWithNoncontingentExpression } from 'kysely';
import pg from 'pg';
import { messageOf, TriageError } from '../../base/errors.ts';
import { ADVISORY_LOCKS } from './dialect.ts';
import { listenOn } from './listening.ts';
import { applyMigrations, knownMigrations, MIGRATION_TABLE, refuseNewer, refuseOther } from './migrations.ts';
import { COMMIT_MARKS, withClient, WorklistPostgresDialect } from './postgresDriver.ts';
import { isConnectionLost } from './postgresErrors.ts';
import type { PostgresPlace } from './postgresPlace.ts';
import type { Schema } from './schema.ts';
import { doggedly } from './transactions.ts';
import type { WorklistDatabase } from './worklistDatabase.ts';

/** PostgreSQL 15: the oldest that the tests run on. */
const OLDEST_SERVER = 150_000;
/** One at a time, as with SQLite: transactions of one process never wait for, or cross, each other. */
const WRITING_CONNECTIONS = 1;
const READING_CONNECTIONS = 4;
/** A transaction whose process stands still ends, so that it holds up nobody. */
const IDLE_IN_TRANSACTION_MS = 15_000;
const LOCK_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Object identifiers of the types that PostgreSQL's driver gives as texts, or as true and false. */
const INT8 = 20;
const NUMERIC = 1700;
const BOOL = 16;

/** The driver's own, whose types know only the numbers of its list. */
const parserOf = pg.types.getTypeParser as (oid: number, format?: string) => (text: string) => unknown;

/** Values as SQLite gives them: whole numbers and sums as numbers, truth as 0 or 1. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8 || oid === NUMERIC) return Number;
    if (oid === BOOL) return (text: string) => (text === 't' ? 1 : 0);
    return parserOf(oid, format);
  },
};

/** What a connection is made with. Durability does not depend on the server's settings: each commit is on its disk before it is answered. */
export function clientConfig({ url, password, tls }: PostgresPlace, options: readonly string[] = []): pg.ClientConfig {
  return {
    connectionString: url,
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { ssl: tls }),
    types: TYPES,
    application_name: 'odontoid',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    options: ['synchronous_commit=on', ...options].map((setting) => `-c ${setting}`).join(' '),
  };
}

function kyselyOf(place: PostgresPlace, connections: number, options: readonly string[] = []): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: new WorklistPostgresDialect({ config: clientConfig(place, options), connections, marksCommits: true }),
    // `in ()` is SQLite's only.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });
}

/** Runs `ask` on a connection of its own. @throws TriageError `database-busy`, or `database-invalid` for what the server refuses */
async function onServer<T>(place: PostgresPlace, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  try {
    return await doggedly(() => withClient(clientConfig(place), ask), isConnectionLost);
  } catch (error) {
    if (error instanceof TriageError) throw error;
    throw new TriageError(
      'database-invalid',
      `PostgreSQL refuses: ${messageOf(error)}. docs/scale-out.md has the set-up.`,
      {
        cause: error,
      },
    );
  }
}

async function appliedOn(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ found: string | null }>('select to_regclass($1)::text as found', [
    MIGRATION_TABLE,
  ]);
  if (rows[0]?.found == null) return [];
  return (await client.query<{ name: string }>(`select name from ${MIGRATION_TABLE} order by name`)).rows.map(
    ({ name }) => name,
  );
}

/** @throws TriageError `database-invalid` for a server that is too old, or a database that cannot hold every name */
async function assertUsable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string; number: number; encoding: string }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::bigint as number,
       current_setting('server_encoding') as encoding`,
  );
  const { version, number, encoding } = rows[0]!;
  if (number < OLDEST_SERVER)
    throw new TriageError('database-invalid', `The server is PostgreSQL ${version}. Odontoid needs 15 or later.`);
  if (encoding !== 'UTF8')
    throw new TriageError(
      'database-invalid',
      `The database is encoded in ${encoding}, which cannot hold every name. Make one with: createdb --encoding UTF8 --template template0`,
    );
}

/** As `openDatabase`. */
export async function openPostgres(place: PostgresPlace): Promise<WorklistDatabase> {
  const known = await knownMigrations();
  await onServer(place, async (client) => {
    await assertUsable(client);
    refuseOther(await appliedOn(client), known);
  });
  const db = kyselyOf(place, WRITING_CONNECTIONS);
  const reads = kyselyOf(place, READING_CONNECTIONS, ['default_transaction_read_only=on']);
  return {
    db,
    reads,
    listen: (channel, listening) => listenOn(clientConfig(place), channel, listening),
    close: async () => {
      await reads.destroy();
      await db.destroy();
    },
  };
}

/**
 * What an administrator should know of the server before relying on it, in one line.
 * @throws TriageError as `openDatabase`, and `database-invalid` where the server may lose what it has answered
 */
export async function examinePostgres(place: PostgresPlace): Promise<string> {
  const known = await knownMigrations();
  return onServer(place, async (client) => {
    await assertUsable(client);
    const { rows } = await client.query<{ name: string; setting: string }>(
      "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'server_version')",
    );
    const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
    for (const name of ['fsync', 'full_page_writes'])
      if (settings.get(name) !== 'on')
        throw new TriageError(
          'database-invalid',
          `The server has ${name} off: a power cut could take what it has answered. Set it on in postgresql.conf.`,
        );
    const { rows: words } = await client.query("select 1 from pg_available_extensions where name = 'pg_trgm'");
    if (words.length === 0)
      throw new TriageError(
        'database-invalid',
        'The server lacks the extension pg_trgm, by which patients are searched. Install its package (postgresql-contrib).',
      );
    const applied = await appliedOn(client);
    const server = `PostgreSQL ${settings.get('server_version')}`;
    if (applied.length === 0) return `${server} answers; the worklist will be made there at the first start`;
    refuseOther(applied, known);
    return `${server} answers, and its worklist is of this version`;
  });
}

/** Whether there is a worklist in that database. */
export async function isPostgresMade(place: PostgresPlace): Promise<boolean> {
  return onServer(place, async (client) => (await appliedOn(client)).length > 0);
}

/** As `migrate`. Processes that start at once wait for each other (an advisory lock), and the second finds nothing to do. */
export async function migratePostgres(place: PostgresPlace): Promise<{ applied: string[]; version: string }> {
  const known = await knownMigrations();
  const before = await onServer(place, async (client) => {
    await assertUsable(client);
    const applied = await appliedOn(client);
    refuseNewer(applied, known);
    // "if not exists" is no lock: of two processes at once, one would fail.
    await client.query(
      `begin; select pg_advisory_xact_lock(${ADVISORY_LOCKS.marks.join()});
       create table if not exists ${COMMIT_MARKS} (writer text collate "C" primary key, number bigint not null, at bigint not null);
       commit`,
    );
    return applied;
  });
  const db = new Kysely<Schema>({
    dialect: new WorklistPostgresDialect({
      config: { ...clientConfig(place), statement_timeout: 0, lock_timeout: 0 },
      connections: 1,
      marksCommits: false,
    }),
  });
  try {
    return await applyMigrations(db, known, before);
  } finally {
    await db.destroy();
  }
}
