import type { Kysely } from 'kysely';

/** Index that finds the confirmed results due for another check without reading everything that was ever sent. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('deliveries_next_check')
    .on('deliveries')
    .columns(['destination', 'next_check_at'])
    .execute();
}
