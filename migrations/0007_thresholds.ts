import { SqliteAdapter, type ColumnDefinitionBuilder, type Kysely } from 'kysely';

/** Thresholds of single sources, requests to change one, and the scores of scans that retention has removed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema
    .alterTable('cases')
    .addColumn('scanner', 'text', (c) => c.notNull().defaultTo(''))
    .execute();

  await db.schema
    .alterTable('thresholds')
    .addColumn('source_ae_title', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await db.schema
    .alterTable('thresholds')
    .addColumn('mode', 'text', (c) => c.notNull().defaultTo('on'))
    .execute();
  await db.schema.alterTable('thresholds').addColumn('approved_by', 'text').execute();
  await db.schema.alterTable('thresholds').addColumn('reverts', 'integer').execute();
  await db.schema
    .createIndex('thresholds_in_force')
    .on('thresholds')
    .columns(['model_name', 'source_ae_title', 'version'])
    .execute();

  await db.schema
    .createTable('threshold_drafts')
    .addColumn('id', 'integer', counted)
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('model_sha256', 'text', (c) => c.notNull())
    .addColumn('source_ae_title', 'text', (c) => c.notNull())
    .addColumn('mode', 'text', (c) => c.notNull())
    .addColumn('value', 'double precision', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('base_version', 'integer', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('facts_sha256', 'text', (c) => c.notNull())
    .addColumn('lost_fractures', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('signed_at', 'bigint')
    .addColumn('closed_at', 'bigint')
    .addColumn('closed_by', 'text')
    .addColumn('outcome', 'text')
    .execute();
  await db.schema
    .createIndex('threshold_drafts_open')
    .on('threshold_drafts')
    .columns(['model_name', 'outcome'])
    .execute();

  // What is kept of a case whose files are gone: no name and no picture, only what the threshold page needs.
  await db.schema
    .createTable('scan_history')
    .addColumn('study_instance_uid', 'text', (c) => c.primaryKey())
    .addColumn('source_ae_title', 'text', (c) => c.notNull())
    .addColumn('scanner', 'text', (c) => c.notNull())
    .addColumn('arrived_at', 'bigint', (c) => c.notNull())
    .addColumn('scored_at', 'bigint')
    .addColumn('probability', 'double precision')
    .addColumn('model_sha256', 'text')
    .addColumn('stat', 'integer', (c) => c.notNull())
    .addColumn('read_at', 'bigint')
    .execute();
  await db.schema
    .createIndex('scan_history_model')
    .on('scan_history')
    .columns(['model_sha256', 'arrived_at'])
    .execute();
}
