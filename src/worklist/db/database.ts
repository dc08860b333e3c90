import { existsSync } from 'node:fs';
import type { PostgresPlace } from './postgresPlace.ts';
import { migrateSqlite, openSqlite, type SqliteDatabase } from './sqliteDatabase.ts';
import type { WorklistDatabase } from './worklistDatabase.ts';

export type { SqliteDatabase } from './sqliteDatabase.ts';
export type { PostgresPlace } from './postgresPlace.ts';
export type { WorklistDatabase } from './worklistDatabase.ts';

/** Where a worklist is kept: the path of a SQLite file, or a PostgreSQL database. */
export type DatabasePlace = string | PostgresPlace;

/** The place in words, without secrets: a path, or host and database. */
export function placeText(place: DatabasePlace): string {
  if (typeof place === 'string') return place;
  const { host, pathname } = new URL(place.url);
  return `the database ${pathname.slice(1) || 'postgres'} at ${host || 'this machine'}`;
}

/**
 * Opens the worklist for work. The agent reads in threads, so that no query holds its event loop up; commands that do one thing read in their own.
 * PostgreSQL has connections for that instead.
 * @throws TriageError `database-newer` when a newer version has changed it, `database-invalid` when it is not migrated or not usable, `database-busy` when
 * PostgreSQL cannot be reached
 */
export async function openDatabase(
  path: string,
  options?: { readIn?: 'this-thread' | 'threads' },
): Promise<SqliteDatabase>;
export async function openDatabase(
  place: DatabasePlace,
  options?: { readIn?: 'this-thread' | 'threads' },
): Promise<WorklistDatabase>;
export async function openDatabase(
  place: DatabasePlace,
  options: { readIn?: 'this-thread' | 'threads' } = {},
): Promise<WorklistDatabase> {
  if (typeof place === 'string') return openSqlite(place, options);
  return (await import('./postgresDatabase.ts')).openPostgres(place);
}

/**
 * Migrates the schema to this version, each step completely or not at all, and returns the steps it took. A SQLite file that has data is backed up first,
 * to `before-<its version>-<time>.sqlite` in the folder `backups` beside it; that backup is never removed automatically. @throws TriageError as `openDatabase`.
 */
export async function migrate(place: DatabasePlace): Promise<{ applied: string[]; version: string }> {
  if (typeof place === 'string') return migrateSqlite(place);
  return (await import('./postgresDatabase.ts')).migratePostgres(place);
}

/** Whether a worklist was ever made there. @throws TriageError `database-busy` when PostgreSQL cannot be reached */
export async function isMade(place: DatabasePlace): Promise<boolean> {
  if (typeof place === 'string') return existsSync(place);
  return (await import('./postgresDatabase.ts')).isPostgresMade(place);
}
