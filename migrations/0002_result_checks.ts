import type { Kysely } from 'kysely';

/** Finds the confirmed results that are to be looked for again without reading all that were ever sent. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('deliveries_next_check')
    .on('deliveries')
    .columns(['destination', 'next_check_at'])
    .execute();
}
