import { SqliteAdapter, type ColumnDefinitionBuilder, type Kysely } from 'kysely';

/**
 * The first schema. Portable on purpose: text, bigint epoch milliseconds, integer 0/1, JSON as text, blobs for features only,
 * so that the same file runs on PostgreSQL.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema
    .createTable('cases')
    .addColumn('study_instance_uid', 'text', (c) => c.primaryKey())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('patient_id', 'text', (c) => c.notNull())
    .addColumn('issuer_of_patient_id', 'text', (c) => c.notNull())
    .addColumn('patient_name', 'text', (c) => c.notNull())
    .addColumn('patient_birth_date', 'text', (c) => c.notNull())
    .addColumn('patient_sex', 'text', (c) => c.notNull())
    .addColumn('patient_age', 'text', (c) => c.notNull())
    .addColumn('accession_number', 'text', (c) => c.notNull())
    .addColumn('study_date', 'text', (c) => c.notNull())
    .addColumn('study_time', 'text', (c) => c.notNull())
    .addColumn('study_description', 'text', (c) => c.notNull())
    .addColumn('acquired_at', 'text', (c) => c.notNull())
    .addColumn('source_ae_title', 'text', (c) => c.notNull())
    .addColumn('first_received_at', 'bigint', (c) => c.notNull())
    .addColumn('last_received_at', 'bigint', (c) => c.notNull())
    .addColumn('last_slice_at', 'bigint')
    .addColumn('complete_hint', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('report_due', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('stat', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('read_at', 'bigint')
    .addColumn('quarantine_reason', 'text')
    .addColumn('removing', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('lease_token', 'text')
    .addColumn('lease_stage', 'text')
    .addColumn('lease_until', 'bigint')
    .addColumn('lease_count', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('not_before', 'bigint', (c) => c.notNull().defaultTo(0))
    .addColumn('failure_code', 'text')
    .addColumn('failure_message', 'text')
    .addColumn('failure_stage', 'text')
    .execute();
  await db.schema.createIndex('cases_state').on('cases').columns(['state', 'first_received_at']).execute();
  await db.schema.createIndex('cases_report_due').on('cases').column('report_due').execute();

  // No foreign key to cases: our own results that a PACS sends back are on record without making a case.
  await db.schema
    .createTable('instances')
    .addColumn('study_instance_uid', 'text', (c) => c.notNull())
    .addColumn('sop_instance_uid', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('set_aside', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('source_ae_title', 'text', (c) => c.notNull())
    .addColumn('header', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('instances_pk', ['study_instance_uid', 'sop_instance_uid', 'sha256'])
    .execute();
  await db.schema.createIndex('instances_sha256').on('instances').column('sha256').execute();

  await db.schema
    .createTable('analyses')
    .addColumn('study_instance_uid', 'text', (c) =>
      c.notNull().references('cases.study_instance_uid').onDelete('cascade'),
    )
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('manifest', 'text')
    .addColumn('series', 'text', (c) => c.notNull())
    .addColumn('findings', 'text')
    .addColumn('decision', 'text')
    .addColumn('reason_code', 'text')
    .addColumn('reason', 'text')
    .addColumn('probability', 'double precision')
    .addColumn('threshold', 'double precision')
    .addColumn('threshold_version', 'integer')
    .addColumn('key_slices', 'text', (c) => c.notNull())
    .addColumn('model_name', 'text')
    .addColumn('model_version', 'text')
    .addColumn('model_sha256', 'text')
    .addColumn('analysed_at', 'bigint')
    .addPrimaryKeyConstraint('analyses_pk', ['study_instance_uid', 'revision'])
    .execute();

  await db.schema
    .createTable('result_objects')
    .addColumn('sop_instance_uid', 'text', (c) => c.primaryKey())
    .addColumn('study_instance_uid', 'text', (c) =>
      c.notNull().references('cases.study_instance_uid').onDelete('cascade'),
    )
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('sop_class_uid', 'text', (c) => c.notNull())
    .addColumn('series_instance_uid', 'text', (c) => c.notNull())
    .addColumn('transfer_syntax_uid', 'text', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('result_objects_study')
    .on('result_objects')
    .columns(['study_instance_uid', 'revision'])
    .execute();

  await db.schema
    .createTable('deliveries')
    .addColumn('id', 'integer', counted)
    .addColumn('sop_instance_uid', 'text', (c) =>
      c.notNull().references('result_objects.sop_instance_uid').onDelete('cascade'),
    )
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('next_attempt_at', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('confirmed_at', 'bigint')
    .addColumn('next_check_at', 'bigint')
    .addColumn('last_status', 'text')
    .addColumn('last_error', 'text')
    .addUniqueConstraint('deliveries_once', ['sop_instance_uid', 'destination'])
    .execute();
  await db.schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .columns(['destination', 'status', 'next_attempt_at'])
    .execute();

  // Outlives its case: the record of what happened stays when the files are gone.
  await db.schema
    .createTable('case_events')
    .addColumn('id', 'integer', counted)
    .addColumn('study_instance_uid', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('from_state', 'text')
    .addColumn('to_state', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('case_events_study').on('case_events').columns(['study_instance_uid', 'id']).execute();

  await db.schema
    .createTable('thresholds')
    .addColumn('version', 'integer', counted)
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('value', 'double precision', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();

  await db.schema
    .createTable('slice_features')
    .addColumn('model_sha256', 'text', (c) => c.notNull())
    .addColumn('instance_sha256', 'text', (c) => c.notNull())
    .addColumn('image_probability', 'double precision', (c) => c.notNull())
    .addColumn('feature', onSqlite ? 'blob' : 'bytea', (c) => c.notNull())
    .addColumn('cam', onSqlite ? 'blob' : 'bytea', (c) => c.notNull())
    .addColumn('cam_rows', 'integer', (c) => c.notNull())
    .addColumn('cam_columns', 'integer', (c) => c.notNull())
    .addColumn('crop', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('slice_features_pk', ['model_sha256', 'instance_sha256'])
    .execute();
}
