import type { Kysely } from 'kysely';

/** HL7 messages that were taken, so that one that comes again changes nothing; and cases found by their accession number. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('taken_messages')
    .addColumn('sender', 'text', (column) => column.notNull())
    .addColumn('control_id', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('taken_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('taken_messages_key', ['sender', 'control_id', 'sha256'])
    .execute();
  await db.schema.createIndex('taken_messages_taken_at').on('taken_messages').column('taken_at').execute();
  await db.schema.createIndex('cases_accession_number').on('cases').column('accession_number').execute();
}
