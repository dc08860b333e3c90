import { sql, type Kysely } from 'kysely';

/**
 * Cases whose received files retention has deleted while their results still wait for a destination, and the files that are to be deleted: off the record
 * already, but perhaps still on disk. Commitments that destinations were asked for: their report may come later, on an association of its own.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('removed_files')
    .addColumn('study_instance_uid', 'text', (c) =>
      c.primaryKey().references('cases.study_instance_uid').onDelete('cascade'),
    )
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('removed_at', 'bigint', (c) => c.notNull())
    .addColumn('cause', 'text', (c) => c.notNull())
    .addColumn('objects', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('analysed_header', 'text')
    .execute();
  await db.schema
    .createTable('files_to_delete')
    .addColumn('path', 'text', (c) => c.primaryKey())
    .execute();
  await db.schema
    .createTable('asked_commitments')
    .addColumn('transaction_uid', 'text', (c) => c.primaryKey())
    .addColumn('destination', 'text', (c) => c.notNull())
    // JSON array of SOP Instance UIDs.
    .addColumn('sop_instance_uids', 'text', (c) => c.notNull())
    .addColumn('asked_at', 'bigint', (c) => c.notNull())
    .addColumn('reported_at', 'bigint')
    // JSON of what was reported, until it is recorded with the deliveries.
    .addColumn('report', 'text')
    .execute();
  await sql`create index asked_commitments_reported on asked_commitments (destination) where report is not null`.execute(
    db,
  );
}
