import type { Kysely } from 'kysely';

/** Removed studies: what the worklist said of each, and what of it was deleted when and why. The row outlives the files. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('removed_cases')
    .addColumn('study_instance_uid', 'text', (c) => c.primaryKey())
    .addColumn('case_ref', 'text')
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('patient_id', 'text', (c) => c.notNull())
    .addColumn('patient_name', 'text', (c) => c.notNull())
    .addColumn('accession_number', 'text', (c) => c.notNull())
    .addColumn('study_date', 'text', (c) => c.notNull())
    .addColumn('source_ae_title', 'text', (c) => c.notNull())
    .addColumn('decision', 'text')
    .addColumn('reason', 'text')
    .addColumn('probability', 'double precision')
    .addColumn('threshold', 'double precision')
    .addColumn('first_received_at', 'bigint', (c) => c.notNull())
    .addColumn('read_at', 'bigint')
    .addColumn('read_by', 'text')
    .addColumn('removed_at', 'bigint', (c) => c.notNull())
    .addColumn('cause', 'text', (c) => c.notNull())
    .addColumn('objects', 'integer', (c) => c.notNull())
    .addColumn('results', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('removed_cases_at').on('removed_cases').column('removed_at').execute();
  await db.schema.createIndex('removed_cases_case_ref').on('removed_cases').column('case_ref').execute();
}
