import { readdir } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { TriageError } from '../../base/errors.ts';
import type { Schema } from './schema.ts';

export const MIGRATION_TABLE = 'schema_migrations';
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.(ts|js)$/i;

/**
 * Ends the name of a migration that only adds what an older version can do without: tables, indexes, columns that may be null or have a default. Versions on both
 * sides of it can use the database, at the same time too (docs/scale-out.md).
 */
const ADDITIVE = /_additive$/;

type Migrations = Record<string, Migration>;

/** Every migration beside this build, by name. Bundlers have dropped them silently before, so finding none is an error. */
export async function knownMigrations(): Promise<Migrations> {
  const folder = new URL('../../../migrations/', import.meta.url);
  const found: Migrations = {};
  for (const file of (await readdir(folder)).sort()) {
    const name = file.endsWith('.d.ts') ? undefined : MIGRATION_FILE.exec(file)?.[1];
    if (name !== undefined) found[name] = (await import(new URL(file, folder).href)) as Migration;
  }
  if (Object.keys(found).length === 0)
    throw new TriageError('database-invalid', 'This build has no migrations: it is incomplete. Build it again.');
  return found;
}

/** @throws TriageError `database-newer` when a migration was applied that this build does not know, and that does more than add */
export function refuseNewer(applied: readonly string[], known: Migrations): void {
  const unknown = applied.filter((name) => !(name in known) && !ADDITIVE.test(name));
  if (unknown.length > 0) {
    throw new TriageError(
      'database-newer',
      `The database was written by a newer Odontoid (${unknown.join(', ')}). Install that version, or restore a backup of this one.`,
      {
        context: { unknown },
      },
    );
  }
}

/** @throws TriageError `database-newer`, or `database-invalid` when a migration of this build was not applied */
export function refuseOther(applied: readonly string[], known: Migrations): void {
  refuseNewer(applied, known);
  const missing = Object.keys(known).filter((name) => !applied.includes(name));
  if (missing.length > 0) {
    throw new TriageError('database-invalid', `The database lacks ${missing.join(', ')}. Run: odontoid migrate`, {
      context: { missing },
    });
  }
}

/** Applies what is missing of `known`, each step completely or not at all. @throws TriageError `database-invalid` when a step fails */
export async function applyMigrations(
  db: Kysely<Schema>,
  known: Migrations,
  before: readonly string[],
): Promise<{ applied: string[]; version: string }> {
  const version = Object.keys(known).at(-1) ?? '';
  // Kysely takes what a newer version has added for a mistake.
  if (Object.keys(known).every((name) => before.includes(name))) return { applied: [], version };
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(known) },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: `${MIGRATION_TABLE}_lock`,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new TriageError('database-invalid', 'A migration failed; the database is as it was before it.', {
      cause: error,
    });
  const applied = (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName);
  return { applied, version };
}
