import { sql, type Kysely } from 'kysely';

/** Archives that are asked for new studies: how far each has been asked, and what it was found to have. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('watched_archives')
    .addColumn('name', 'text', (column) => column.primaryKey())
    // The last day (DICOM DA) up to which everything found is on record below; null before the first complete look.
    .addColumn('asked_to', 'text')
    .addColumn('succeeded_at', 'bigint')
    .addColumn('failed_at', 'bigint')
    .addColumn('last_error', 'text')
    .execute();
  await db.schema
    .createTable('watched_studies')
    .addColumn('archive', 'text', (column) => column.notNull())
    .addColumn('study_instance_uid', 'text', (column) => column.notNull())
    .addColumn('study_date', 'text', (column) => column.notNull())
    // The objects that the archive states; null when it does not say.
    .addColumn('stated_instances', 'integer')
    .addColumn('found_at', 'bigint', (column) => column.notNull())
    .addColumn('due_at', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('last_error', 'text')
    .addPrimaryKeyConstraint('watched_studies_key', ['archive', 'study_instance_uid'])
    .execute();
  await sql`create index watched_studies_due on watched_studies (due_at) where due_at is not null`.execute(db);
}
