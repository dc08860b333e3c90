import type { Kysely } from 'kysely';

/** What a node with the role `web` leaves to the others, each for some minutes: any of them may get a browser's next request. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sign_in_counts')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sign_in_counts_ends_at').on('sign_in_counts').column('ends_at').execute();
  await db.schema
    .createTable('sign_in_journeys')
    .addColumn('state_sha256', 'text', (column) => column.primaryKey())
    .addColumn('binding_sha256', 'text', (column) => column.notNull())
    .addColumn('verifier', 'text', (column) => column.notNull())
    .addColumn('nonce', 'text', (column) => column.notNull())
    .addColumn('replaces', 'text')
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('list_orders')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('unread', 'text', (column) => column.notNull())
    .addColumn('done', 'text', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.alterTable('sessions').addColumn('names_shown_until', 'bigint').execute();
}
