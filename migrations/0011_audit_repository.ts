import type { Kysely } from 'kysely';

/** How far the audit has been sent to the site's Audit Record Repository, and whose the removed studies were that it has still to be told of. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One row, while a repository is configured.
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
