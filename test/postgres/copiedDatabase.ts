import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { PostgresPlace } from '../../src/worklist/db/database.ts';
import { briefly } from '../soakSize.ts';

/** Whether this test runs on PostgreSQL. */
export const onPostgres = (): boolean => inject('postgresUrl') !== undefined;

/** Runs of a property test: all on SQLite, a fifth on PostgreSQL, where each takes many round trips and the property has been tried already. */
export const runsHere = (runs: number): number => briefly(onPostgres() ? Math.ceil(runs / 5) : runs);

/** Runs statements on the server: outside any worklist, or in a database. */
export async function onServer<Row extends pg.QueryResultRow>(statement: string, database = ''): Promise<Row[]> {
  const client = new pg.Client(urlOf(database));
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  const url = new URL(inject('postgresUrl')!);
  if (database !== '') url.pathname = `/${database}`;
  return url.href;
}

const spoiled = new Set<string>();

/** After this test nobody uses its database again: its schema was changed. */
export function spoil(place: PostgresPlace): void {
  spoiled.add(place.url);
}

/**
 * A migrated worklist without a row, for this test alone. Making a database takes a second, so one that another test has finished with is emptied and used
 * again; the server knows which those are.
 */
export async function copiedDatabase(): Promise<PostgresPlace> {
  const [free] = await onServer<{ name: string }>(
    'delete from free_databases where name = (select name from free_databases limit 1 for update skip locked) returning name',
  );
  const name = free?.name ?? `worklist_${randomUUID().replaceAll('-', '')}`;
  if (free === undefined) await onServer(`create database ${name} template worklist`);
  const place = { url: urlOf(name) };
  onTestFinished(async () => {
    if (spoiled.has(place.url)) return;
    await onServer(EMPTY, name);
    await onServer(`insert into free_databases values ('${name}')`);
  });
  return place;
}

/** Past all triggers, and with every count at its beginning. */
const EMPTY = `
  set session_replication_role = replica;
  do $$ declare one record; begin
    for one in select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'schema_migrations%' loop
      execute format('delete from %I', one.name);
    end loop;
    for one in select sequencename as name from pg_sequences where schemaname = 'public' and last_value is not null loop
      execute format('alter sequence %I restart', one.name);
    end loop;
  end $$`;

/** A database without a table, for this test alone. */
export async function emptyDatabase(): Promise<PostgresPlace> {
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await onServer(`create database ${name} template template0`);
  onTestFinished(async () => {
    await onServer(`drop database if exists ${name} with (force)`);
  });
  return { url: urlOf(name) };
}
