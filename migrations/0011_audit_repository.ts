import type { Kysely } from 'kysely';

/** How far the audit has been sent to the site's Audit Record Repository, and the patients of removed studies that it has not been told about yet. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One row while a repository is configured.
  await db.schema
    .createTable('audit_position')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('sent_seq', 'integer', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('audit_patients')
    .addColumn('study_instance_uid', 'text', (c) => c.primaryKey())
    .addColumn('patient_id', 'text', (c) => c.notNull())
    .addColumn('patient_name', 'text', (c) => c.notNull())
    .addColumn('removed_seq', 'integer', (c) => c.notNull())
    .execute();
}
