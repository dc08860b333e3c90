import { sql, type Kysely } from 'kysely';

/** For which scans each archive was asked for priors, and for which it is still to be. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('prior_searches')
    .addColumn('archive', 'text', (column) => column.notNull())
    .addColumn('study_instance_uid', 'text', (column) => column.notNull())
    .addColumn('found_at', 'bigint', (column) => column.notNull())
    // Null once the archive was asked, or for good when it cannot be.
    .addColumn('due_at', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('failed_at', 'bigint')
    .addColumn('last_error', 'text')
    .addPrimaryKeyConstraint('prior_searches_key', ['archive', 'study_instance_uid'])
    .execute();
  await sql`create index prior_searches_due on prior_searches (due_at) where due_at is not null`.execute(db);
}
