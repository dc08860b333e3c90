import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, Driver, TransactionSettings } from 'kysely';
import { systemClock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';
import { backupDatabase, stampOf } from './backups.ts';
import { keepingStatements } from './keptStatements.ts';
import { applyMigrations, knownMigrations, MIGRATION_TABLE, refuseNewer, refuseOther } from './migrations.ts';
import { ReadThreadsDialect } from './readThreads.ts';
import type { Schema } from './schema.ts';
import { mendSearchIndex } from './searchIndex.ts';
import type { WorklistDatabase } from './worklistDatabase.ts';

/** The worklist in a SQLite file, with the raw handle for what only SQLite can do (backup, checkpoint, checks). */
export interface SqliteDatabase extends WorklistDatabase {
  readonly path: string;
  readonly sqlite: BetterSqlite3.Database;
}

const BUSY_TIMEOUT_MS = 10_000;
const LOCK_POLL_MS = 5;

/**
 * Write transactions take the write lock when they begin: one that reads first and upgrades later would fail if another came between.
 * While another process holds the lock, this one waits without blocking its event loop.
 */
class ImmediateDriver extends SqliteDriver {
  readonly #sqlite: BetterSqlite3.Database;

  constructor(sqlite: BetterSqlite3.Database) {
    super({ database: { prepare: keepingStatements(sqlite), close: () => sqlite.close() } });
    this.#sqlite = sqlite;
  }

  override async beginTransaction(connection: DatabaseConnection, settings?: TransactionSettings): Promise<void> {
    if (settings?.accessMode === 'read only') return super.beginTransaction(connection);
    const deadlineMs = systemClock.monotonicMs() + BUSY_TIMEOUT_MS;
    while (!this.#begun()) {
      if (systemClock.monotonicMs() > deadlineMs)
        throw new TriageError('database-busy', 'Another process has been writing to the database for too long.');
      await systemClock.sleep(LOCK_POLL_MS);
    }
  }

  /** On a full or failing disk SQLite has already rolled back. A second rollback would fail, and its error would hide the one that happened. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection);
  }

  #begun(): boolean {
    this.#sqlite.pragma('busy_timeout = 0');
    try {
      this.#sqlite.exec('begin immediate');
      return true;
    } catch (error) {
      if (error instanceof BetterSqlite3.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
      throw error;
    } finally {
      this.#sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }
}

/** SQLite's DDL is transactional; Kysely leaves it off only for schema changes that switch foreign keys off, which ours must not do. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class WorklistDialect extends SqliteDialect {
  readonly #sqlite: BetterSqlite3.Database;

  constructor(sqlite: BetterSqlite3.Database) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#sqlite);
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }
}

/** A second, read-only handle. With a write-ahead log it sees what was committed last, whoever holds the write lock. */
class ReadingDialect extends SqliteDialect {
  readonly #sqlite: BetterSqlite3.Database;

  constructor(sqlite: BetterSqlite3.Database) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
  }

  override createDriver(): Driver {
    const sqlite = this.#sqlite;
    return new SqliteDriver({ database: { prepare: keepingStatements(sqlite), close: () => sqlite.close() } });
  }
}

/** Explains errors about files that SQLite cannot read; other errors are returned unchanged. */
function damaged(path: string, error: unknown): unknown {
  if (!(error instanceof BetterSqlite3.SqliteError) || error.code.startsWith('SQLITE_BUSY')) return error;
  return new TriageError(
    'database-invalid',
    `The database ${path} is damaged (${error.message}). Restore the newest sound backup with: odontoid restore FILE. ` +
      'A backup that was copied over it by hand is mixed with the -wal file beside it: restore takes care of that. docs/disaster.md has the steps.',
    { cause: error },
  );
}

/** Opens `path` with the settings that durability rests on, and asserts each: better-sqlite3 reopens a WAL file with synchronous NORMAL. */
function openFile(path: string, readIn: 'this-thread' | 'threads' = 'this-thread'): SqliteDatabase {
  let sqlite: BetterSqlite3.Database;
  try {
    sqlite = new BetterSqlite3(path);
  } catch (error) {
    throw new TriageError(
      'database-invalid',
      `The database ${path} cannot be opened. Check that its folder exists and may be written.`,
      { cause: error },
    );
  }
  try {
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    const settings = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'].map((name) =>
      sqlite.pragma(name, { simple: true }),
    );
    if (JSON.stringify(settings) !== JSON.stringify(['wal', 2, 1, BUSY_TIMEOUT_MS])) {
      throw new TriageError(
        'database-invalid',
        `The database ${path} does not take the settings it needs (WAL, synchronous FULL). Put it on a local disk.`,
        { context: { settings } },
      );
    }
    const db = new Kysely<Schema>({ dialect: new WorklistDialect(sqlite) });
    const readOnly =
      readIn === 'threads' ? null : new BetterSqlite3(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    const reads = new Kysely<Schema>({
      dialect:
        readOnly === null
          ? new ReadThreadsDialect({ path, busyTimeoutMs: BUSY_TIMEOUT_MS })
          : new ReadingDialect(readOnly),
    });
    return {
      path,
      db,
      reads,
      sqlite,
      close: async () => {
        await reads.destroy();
        // A Kysely that was never queried has not opened its driver, and closes nothing.
        readOnly?.close();
        await db.destroy();
      },
    };
  } catch (error) {
    sqlite.close();
    throw error instanceof TriageError ? error : damaged(path, error);
  }
}

function appliedMigrations(database: SqliteDatabase): string[] {
  const present = database.sqlite.prepare('select 1 from sqlite_master where name = ?').get(MIGRATION_TABLE);
  if (present === undefined) return [];
  return (database.sqlite.prepare(`select name from ${MIGRATION_TABLE} order by name`).all() as { name: string }[]).map(
    (row) => row.name,
  );
}

/** As `openDatabase`. */
export async function openSqlite(
  path: string,
  { readIn }: { readIn?: 'this-thread' | 'threads' } = {},
): Promise<SqliteDatabase> {
  const database = openFile(path, readIn);
  try {
    refuseOther(appliedMigrations(database), await knownMigrations());
    return database;
  } catch (error) {
    await database.close();
    throw damaged(path, error);
  }
}

/** As `migrate`. */
export async function migrateSqlite(path: string): Promise<{ applied: string[]; version: string }> {
  const database = openFile(path);
  try {
    const known = await knownMigrations();
    const done = appliedMigrations(database);
    refuseNewer(done, known);
    const isBehind = done.length > 0 && Object.keys(known).some((name) => !done.includes(name));
    if (isBehind) {
      const name = `before-${done.at(-1)!}-${stampOf(systemClock.now())}.sqlite`;
      await backupDatabase(path, join(dirname(path), 'backups', name));
    }
    const result = await applyMigrations(database.db, known, done);
    mendSearchIndex(database.sqlite);
    return result;
  } catch (error) {
    throw damaged(path, error);
  } finally {
    await database.close();
  }
}
