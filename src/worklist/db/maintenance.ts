import { existsSync, readdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assertSound, backupDatabase, stampOf } from './backups.ts';
import type { WorklistDatabase } from './database.ts';

/** What housekeeping does to the database file itself. */
export interface WorklistMaintenance {
  /** Moves the write-ahead log into the database and empties it, as far as readers allow. */
  checkpoint(): void;
  /** Copies the database while it is in use, checks the copy, keeps the newest `keep` copies, and names the new one. @throws TriageError `database-invalid` */
  backup(folder: string, atMs: number, keep: number): Promise<string>;
  /** @throws TriageError `database-invalid` when the file is damaged. */
  quickCheck(): void;
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

export function createMaintenance(database: WorklistDatabase): WorklistMaintenance {
  const { sqlite } = database;
  return {
    checkpoint: () => {
      sqlite.pragma('wal_checkpoint(TRUNCATE)');
    },
    async backup(folder, atMs, keep) {
      const path = join(folder, `worklist-${stampOf(atMs)}.sqlite`);
      await backupDatabase(database.path, path);
      const copies = (await readdir(folder)).filter((name) => BACKUP_NAME.test(name)).sort();
      for (const name of copies.slice(0, Math.max(0, copies.length - keep))) await rm(join(folder, name));
      return path;
    },
    quickCheck: () => assertSound(sqlite, 'The database'),
  };
}
