import { sql, type Kysely } from 'kysely';

/** Commitments that senders ask for: what each named, until the report has been taken. Objects are found by their instance alone, as a request names them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('commitment_requests')
    .addColumn('source_ae_title', 'text', (column) => column.notNull())
    .addColumn('transaction_uid', 'text', (column) => column.notNull())
    .addColumn('called_ae_title', 'text', (column) => column.notNull())
    // JSON array of {sopClassUid, sopInstanceUid}.
    .addColumn('sop_references', 'text', (column) => column.notNull())
    .addColumn('asked_at', 'bigint', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('last_error', 'text')
    .addPrimaryKeyConstraint('commitment_requests_key', ['source_ae_title', 'transaction_uid'])
    .execute();
  await sql`create index commitment_requests_due on commitment_requests (source_ae_title, due_at)`.execute(db);
  await sql`create index instances_sop on instances (sop_instance_uid)`.execute(db);
}
