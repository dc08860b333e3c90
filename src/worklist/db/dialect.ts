import { PostgresAdapter, sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import type { Schema } from './schema.ts';

// What SQLite and PostgreSQL say differently. Everything else in the worklist is written once.

/** Whether these queries go to PostgreSQL. */
export function isPostgres(db: Pick<Kysely<Schema>, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** A text of the JSON object in a column; null where it has none. */
export function jsonText(db: Kysely<Schema>, column: string, key: string): RawBuilder<string> {
  return isPostgres(db)
    ? sql<string>`((${sql.ref(column)}::json ->> ${sql.lit(key)}) collate "C")`
    : sql<string>`json_extract(${sql.ref(column)}, ${sql.lit(`$.${key}`)})`;
}

/** A number of the JSON object in a column; null where it has none. */
export function jsonNumber(db: Kysely<Schema>, column: string, key: string): RawBuilder<number | null> {
  return isPostgres(db)
    ? sql<number | null>`(${sql.ref(column)}::json ->> ${sql.lit(key)})::numeric`
    : sql<number | null>`json_extract(${sql.ref(column)}, ${sql.lit(`$.${key}`)})`;
}

/** Whether a column, with its ASCII letters in lower case where `inLowerCase`, matches a pattern with DICOM's wildcards (PS3.4 C.2.2.2.4). */
export function isLike(
  db: Kysely<Schema>,
  column: string,
  pattern: string,
  { inLowerCase = false }: { inLowerCase?: boolean } = {},
): RawBuilder<boolean> {
  const text = inLowerCase ? sql`lower(${sql.ref(column)})` : sql.ref(column);
  if (!/[*?]/.test(pattern)) return sql<boolean>`${text} = ${pattern}`;
  if (!isPostgres(db)) {
    // GLOB has DICOM's two wildcards, and brackets, which DICOM has not.
    return sql<boolean>`${text} glob ${pattern.replace(/\[/g, '[[]')}`;
  }
  const like = literally(pattern).replaceAll('*', '%').replaceAll('?', '_');
  return sql<boolean>`${text} like ${like} escape '\\'`;
}

/** Whether a searched text of a case contains the word, in upper or lower case: PostgreSQL, by the trigram index of migration 0019 where it has three letters. */
export function containsOnPostgres(word: string): RawBuilder<boolean> {
  return sql<boolean>`case_words(cases.patient_name, cases.patient_id, cases.accession_number) like ${`%${literally(word)}%`} escape '\\'`;
}

/** The word as a pattern of LIKE that matches nothing else. */
export function literally(word: string): string {
  return word.replace(/[\\%_]/g, '\\$&');
}

/** A case's place in the order in which cases were recorded. */
export function recordedOrder(db: Kysely<Schema>): RawBuilder<unknown> {
  return isPostgres(db) ? sql`cases.recorded` : sql`cases.rowid`;
}

/** Our advisory locks on PostgreSQL: of a session (`users`), or until a transaction ends. The first number is ours, whatever else uses the server. */
export const ADVISORY_LOCKS = {
  users: [0x0d03, 1],
  audit: [0x0d03, 2],
  events: [0x0d03, 3],
  marks: [0x0d03, 4],
} as const;
/** First number of the advisory locks of nodes; the second stands for the node's name. */
export const NODE_LOCKS = 0x0d04;

/** Until this transaction ends, no other one gets past here. SQLite has one writer at a time anyway. */
export async function lockUntilCommit(trx: Transaction<Schema>, what: 'audit' | 'events'): Promise<void> {
  const [ours, which] = ADVISORY_LOCKS[what];
  if (isPostgres(trx)) await sql`select pg_advisory_xact_lock(${sql.lit(ours)}, ${sql.lit(which)})`.execute(trx);
}

/** Locks the rows of cases that are chosen, and passes over those that another transaction has locked. */
export function claiming<Query extends { forUpdate(of: 'cases'): { skipLocked(): Query } }>(
  db: Kysely<Schema>,
  query: Query,
): Query {
  return isPostgres(db) ? query.forUpdate('cases').skipLocked() : query;
}

/** Milliseconds since the epoch by a clock that all who use the database share, as the statement begins: the server's, or, of a SQLite file, this machine's. */
export function databaseNow(db: Pick<Kysely<Schema>, 'getExecutor'>, clock: Pick<Clock, 'now'>): RawBuilder<number> {
  return isPostgres(db)
    ? sql<number>`floor(extract(epoch from statement_timestamp()) * 1000)::bigint`
    : sql<number>`${clock.now()}`;
}

/** The same, asked for. */
export async function databaseNowMs(db: Kysely<Schema>, clock: Pick<Clock, 'now'>): Promise<number> {
  if (!isPostgres(db)) return clock.now();
  return (await db.selectNoFrom(databaseNow(db, clock).as('now')).executeTakeFirstOrThrow()).now;
}
