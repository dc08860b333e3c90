import { sql, type Kysely } from 'kysely';

/** Whether the scan was already old when it came, and the index by which studies of one patient find each other. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('cases')
    .addColumn('recency', 'text', (c) => c.notNull().defaultTo('new'))
    .execute();
  await sql`create index cases_by_patient on cases (patient_id)`.execute(db);
}
