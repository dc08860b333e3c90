import { existsSync, readdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { askChild, forkBeside } from '../../base/childProcess.ts';
import { fromErrorMessage, type ErrorMessage } from '../../base/errorMessage.ts';
import { TriageError } from '../../base/errors.ts';
import { stampOf } from './backups.ts';
import type { SqliteDatabase, WorklistDatabase } from './database.ts';

/** A question to the child process: `backup` copies the database and checks the copy. */
export type MaintenanceQuestion =
  { kind: 'check'; database: string } | { kind: 'backup'; database: string; target: string };

export interface FromMaintenanceChild {
  error: ErrorMessage | null;
}

/** What housekeeping does to the database file itself. Checks and copies read all of it, so they run in a process of their own. */
export interface WorklistMaintenance {
  /** Moves the write-ahead log into the database and empties it, as far as readers allow. */
  checkpoint(): void;
  /**
   * Copies the database while it is in use, checks the copy, keeps the newest `keep` copies, and names the new one; null where the database is the site's to
   * back up (PostgreSQL). @throws TriageError `database-invalid`
   */
  backup(folder: string, atMs: number, keep: number): Promise<string | null>;
  /** @throws TriageError `database-invalid` when the file is damaged. */
  quickCheck(): Promise<void>;
}

const BACKUP_NAME = /^worklist-\d{8}T\d{6}Z\.sqlite$/;

/** The newest backup in a folder, and when it was made; null where there is none. */
export function newestBackup(folder: string): { path: string; atMs: number } | null {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const newest = names
    .filter((name) => BACKUP_NAME.test(name))
    .sort()
    .at(-1);
  if (newest === undefined) return null;
  const [, date, time] = /(\d{8})T(\d{6})Z/.exec(newest)!;
  const iso = `${date!.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time!.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`;
  return { path: join(folder, newest), atMs: Date.parse(iso) };
}

export function createMaintenance(database: SqliteDatabase | WorklistDatabase): WorklistMaintenance {
  if (!('sqlite' in database)) return OF_A_SERVER;
  const { sqlite } = database;
  return {
    checkpoint: () => {
      sqlite.pragma('wal_checkpoint(TRUNCATE)');
    },
    async backup(folder, atMs, keep) {
      const path = join(folder, `worklist-${stampOf(atMs)}.sqlite`);
      await inChild({ kind: 'backup', database: database.path, target: path });
      const copies = (await readdir(folder)).filter((name) => BACKUP_NAME.test(name)).sort();
      for (const name of copies.slice(0, Math.max(0, copies.length - keep))) await rm(join(folder, name));
      return path;
    },
    quickCheck: () => inChild({ kind: 'check', database: database.path }),
  };
}

/** A PostgreSQL server looks after its files itself: autovacuum, checkpoints, checksums, and backups by the site's own means (pg_dump). */
const OF_A_SERVER: WorklistMaintenance = {
  checkpoint: () => undefined,
  backup: () => Promise.resolve(null),
  quickCheck: () => Promise.resolve(),
};

async function inChild(question: MaintenanceQuestion): Promise<void> {
  const child = forkBeside(import.meta.url, 'maintenanceChild');
  try {
    const { error } = await askChild<FromMaintenanceChild>(
      child,
      question,
      (how) => new TriageError('database-busy', `The process that checks the database ended (${how}).`),
    );
    if (error !== null) throw fromErrorMessage(error, 'database-invalid');
  } finally {
    child.kill('SIGKILL');
  }
}
