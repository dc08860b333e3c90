import type { Kysely } from 'kysely';

/** Which node a stage ran on, and how far the history of cases has been sent as traces: one row while a collector is configured. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('case_events').addColumn('node', 'text').execute();
  await db.schema
    .createTable('trace_position')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('sent_id', 'bigint', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .execute();
}
