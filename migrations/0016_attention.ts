import type { Kysely } from 'kysely';

/** When a person last opened a flagged scan or stopped its ringing, and from when on it rings once its claim was given back. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('cases').addColumn('attended_at', 'integer').execute();
  await db.schema.alterTable('cases').addColumn('rings_from', 'integer').execute();
}
