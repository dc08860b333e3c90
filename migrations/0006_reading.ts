import { sql, SqliteAdapter, type ColumnDefinitionBuilder, type Kysely } from 'kysely';
import { caseRef } from '../src/case/caseRef.ts';

/** What readers do: who is reading a case, who has read it, their verdict on the result; and the reference by which an address names a case. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema.alterTable('cases').addColumn('case_ref', 'text').execute();
  await db.schema.alterTable('cases').addColumn('claimed_by', 'text').execute();
  await db.schema.alterTable('cases').addColumn('claimed_at', 'bigint').execute();
  await db.schema.alterTable('cases').addColumn('read_by', 'text').execute();
  const { rows } = await sql<{ study_instance_uid: string }>`select study_instance_uid from cases`.execute(db);
  for (const { study_instance_uid: study } of rows)
    await sql`update cases set case_ref = ${caseRef(study)} where study_instance_uid = ${study}`.execute(db);
  await db.schema.createIndex('cases_case_ref').on('cases').column('case_ref').unique().execute();
  await db.schema.createIndex('cases_read_at').on('cases').columns(['read_at', 'first_received_at']).execute();

  // Outlives its case, with the score that it judges: the threshold page needs both long after the images are gone.
  await db.schema
    .createTable('verdicts')
    .addColumn('id', 'integer', counted)
    .addColumn('study_instance_uid', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('verdict', 'text', (c) => c.notNull())
    .addColumn('fracture', 'text')
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('model_version', 'text', (c) => c.notNull())
    .addColumn('model_sha256', 'text', (c) => c.notNull())
    .addColumn('probability', 'double precision', (c) => c.notNull())
    .addColumn('threshold', 'double precision')
    .addColumn('threshold_version', 'integer')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('verdicts_study')
    .on('verdicts')
    .columns(['study_instance_uid', 'revision', 'id'])
    .execute();
}
