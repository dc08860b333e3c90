import { SqliteAdapter, sql, type ColumnDefinitionBuilder, type Kysely } from 'kysely';

/** History of which model package is active and which one is its shadow, and the shadow's scores on the site's own cases. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema
    .createTable('model_activations')
    .addColumn('id', 'integer', counted)
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('activation_id', 'integer', (c) => c.references('model_activations.id'))
    .addColumn('model_name', 'text')
    .addColumn('model_version', 'text')
    .addColumn('model_sha256', 'text')
    .addColumn('threshold', 'double precision')
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('model_activations_role')
    .on('model_activations')
    .columns(['role', 'event', 'id'])
    .execute();
  if (onSqlite) {
    for (const change of ['update', 'delete']) {
      await sql`create trigger ${sql.raw(`model_activations_no_${change}`)} before ${sql.raw(change)} on model_activations
        begin select raise(abort, 'model_activations is a history: rows are added, never changed'); end`.execute(db);
    }
  } else {
    // For every history: the trigger's argument is what is said.
    await sql`create function refuse_change() returns trigger language plpgsql as
      $$ begin raise exception using message = tg_argv[0]; end $$`.execute(db);
    await sql`create trigger model_activations_no_change before update or delete on model_activations
      for each row execute function refuse_change('model_activations is a history: rows are added, never changed')`.execute(
      db,
    );
  }

  // No foreign key to cases: like the audit, the comparison outlives the files of its cases.
  await db.schema
    .createTable('shadow_scores')
    .addColumn('study_instance_uid', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('model_version', 'text', (c) => c.notNull())
    .addColumn('model_sha256', 'text', (c) => c.notNull())
    .addColumn('failure', 'text')
    .addColumn('decision', 'text')
    .addColumn('reason_code', 'text')
    .addColumn('reason', 'text')
    .addColumn('probability', 'double precision')
    .addColumn('threshold', 'double precision')
    .addColumn('seconds', 'double precision')
    .addColumn('slices', 'integer', (c) => c.notNull())
    .addColumn('active_model_name', 'text', (c) => c.notNull())
    .addColumn('active_model_version', 'text', (c) => c.notNull())
    .addColumn('active_model_sha256', 'text', (c) => c.notNull())
    .addColumn('active_decision', 'text', (c) => c.notNull())
    .addColumn('active_reason_code', 'text')
    .addColumn('active_probability', 'double precision')
    .addColumn('active_threshold', 'double precision')
    .addColumn('active_seconds', 'double precision')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('shadow_scores_pk', ['study_instance_uid', 'revision', 'model_sha256'])
    .execute();
}
