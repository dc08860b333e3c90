import { sql, type Kysely } from 'kysely';

/** What made a study clinically urgent, and urgent orders, which may come before the images. Until now only people said it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('cases').addColumn('urgent_by', 'text').execute();
  await sql`update cases set urgent_by = 'person' where stat = 1 or study_instance_uid in
    (select study_instance_uid from case_events where type = 'notStat')`.execute(db);
  await db.schema
    .createTable('urgent_orders')
    .addColumn('accession_number', 'text', (column) => column.notNull())
    // JSON: StatedPatientId[]
    .addColumn('patient_ids', 'text', (column) => column.notNull())
    .addColumn('ordered_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('urgent_orders_key', ['accession_number', 'patient_ids'])
    .execute();
}
