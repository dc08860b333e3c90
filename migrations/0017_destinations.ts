import type { Kysely } from 'kysely';

/** What a destination wants of a result, how often an object was sent to it, and what it made of the patient. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('result_objects')
    .addColumn('is_heatmap', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('deliveries')
    .addColumn('sends', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('deliveries').addColumn('remark', 'text').execute();
}
