import type { Kysely } from 'kysely';

/** What admins set on the page. Appended only: the newest row of a key is in force, and a null value takes back what the page has said. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('page_settings')
    .addColumn('version', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('value', 'text')
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('changed_by', 'text', (c) => c.notNull())
    .addColumn('changed_at', 'integer', (c) => c.notNull())
    .execute();
}
