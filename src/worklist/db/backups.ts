import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { makeFolder, syncFolder } from '../../base/durably.ts';
import { messageOf, TriageError } from '../../base/errors.ts';

/** Files that SQLite keeps beside a database. Left beside another database, SQLite would apply them to it. */
const SIDE_FILES = ['-wal', '-shm', '-journal'];

/** @throws TriageError `database-invalid` when SQLite's quick check finds damage; the message names it as `what` */
export function assertSound(sqlite: BetterSqlite3.Database, what: string): void {
  const answer = sqlite.pragma('quick_check(1)', { simple: true });
  if (answer !== 'ok')
    throw new TriageError(
      'database-invalid',
      `${what} is damaged. Stop the agent and restore the newest sound backup: odontoid restore FILE (docs/disaster.md).`,
      { context: { answer } },
    );
}

/** What a backup holds. */
export interface BackupFacts {
  cases: number;
  instances: number;
  /** The newest migration that it has. */
  version: string;
}

/** Time in file names: "20261129T031500Z". */
export function stampOf(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
}

/**
 * Copies a database that may be in use into one self-contained file, checks the copy, and only then gives it its name.
 * @throws TriageError `database-invalid` when the database or its copy is damaged, `not-found` when it cannot be written there
 */
export async function backupDatabase(database: string, target: string): Promise<BackupFacts> {
  const unfinished = `${target}.part`;
  try {
    await makeFolder(dirname(target));
    await rm(unfinished, { force: true });
    const source = new BetterSqlite3(database, { fileMustExist: true, timeout: 10_000 });
    try {
      await source.backup(unfinished);
    } finally {
      source.close();
    }
    const facts = checkBackup(unfinished, true);
    await syncFile(unfinished);
    await rename(unfinished, target);
    await syncFolder(dirname(target));
    return facts;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    if (error instanceof TriageError) throw error;
    if (error instanceof BetterSqlite3.SqliteError)
      throw new TriageError(
        'database-invalid',
        `${database} cannot be backed up: ${error.message}. See docs/disaster.md.`,
        {
          cause: error,
        },
      );
    throw new TriageError('not-found', `The backup cannot be written to ${target}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Inspects a backup. `settle` makes a fresh copy of a WAL database one file. @throws TriageError `database-invalid` */
function checkBackup(file: string, settle = false): BackupFacts {
  let sqlite: BetterSqlite3.Database | null = null;
  try {
    sqlite = new BetterSqlite3(file, { fileMustExist: true, readonly: !settle });
    if (settle) sqlite.pragma('journal_mode = DELETE');
    assertSound(sqlite, `The backup ${file}`);
    const count = (table: string) => (sqlite!.prepare(`select count(*) n from ${table}`).get() as { n: number }).n;
    const { version } = sqlite.prepare('select max(name) version from schema_migrations').get() as { version: string };
    return { cases: count('cases'), instances: count('instances'), version };
  } catch (error) {
    if (error instanceof TriageError) throw error;
    throw new TriageError('database-invalid', `${file} is no sound backup of Odontoid: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    sqlite?.close();
  }
}

/**
 * Puts a backup in the place of the database. The old database and its side files are moved into a folder beside it; nothing is deleted.
 * The caller holds the data folder's lock. @throws TriageError `database-invalid` for a damaged backup; nothing has changed then
 */
export async function restoreDatabase(
  backup: string,
  database: string,
  atMs: number,
): Promise<BackupFacts & { movedTo: string | null }> {
  const facts = checkBackup(backup);
  const incoming = `${database}.restoring`;
  await rm(incoming, { force: true });
  await copyFile(backup, incoming);
  await syncFile(incoming);
  const old = ['', ...SIDE_FILES].map((end) => `${database}${end}`).filter((file) => existsSync(file));
  const movedTo = old.length === 0 ? null : join(dirname(database), `replaced-${stampOf(atMs)}`);
  if (movedTo !== null) {
    await mkdir(movedTo);
    // Side files first: if interrupted here, the old database stands without them, and the next restore finds it so.
    for (const file of old.reverse()) await rename(file, join(movedTo, basename(file)));
    await syncFolder(movedTo);
  }
  await rename(incoming, database);
  await syncFolder(dirname(database));
  return { ...facts, movedTo };
}

/** Writes what the system holds of a file to the disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
