import type { Kysely } from 'kysely';

/** What a receipt rests on: the destination's commitment, a query, or its acceptance alone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('deliveries').addColumn('receipt', 'text').execute();
}
