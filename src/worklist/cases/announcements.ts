import { sql, type Transaction } from 'kysely';
import { isPostgres } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';

/** The channel on which processes announce to each other which studies they have changed. */
export const ANNOUNCEMENTS = 'odontoid_changes';
/** A payload has room for 8,000 bytes, and a UID has up to 64. */
const MOST_STUDIES = 100;

/** Announces, with the transaction, which studies it changes, to the other processes on the database. A SQLite file has one agent, whose listeners know. */
export async function announce(
  trx: Transaction<Schema>,
  bootId: string,
  studyInstanceUids: ReadonlySet<string>,
): Promise<void> {
  if (!isPostgres(trx)) return;
  const studies = [...studyInstanceUids];
  for (let from = 0; from < studies.length; from += MOST_STUDIES) {
    const payload = [bootId, ...studies.slice(from, from + MOST_STUDIES)].join(' ');
    await trx.selectNoFrom(sql`pg_notify(${ANNOUNCEMENTS}, ${payload})`.as('announced')).execute();
  }
}
