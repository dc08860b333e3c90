import { SqliteAdapter, sql, type ColumnDefinitionBuilder, type Kysely } from 'kysely';

/** Local validations of model packages, and who signed second for the activation of one that was never validated here. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema
    .createTable('model_validations')
    .addColumn('id', 'integer', counted)
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('model_version', 'text', (c) => c.notNull())
    .addColumn('model_sha256', 'text', (c) => c.notNull())
    .addColumn('dataset', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('synthetic', 'integer', (c) => c.notNull())
    .addColumn('cases', 'integer', (c) => c.notNull())
    .addColumn('patients', 'integer', (c) => c.notNull())
    .addColumn('positives', 'integer', (c) => c.notNull())
    .addColumn('negatives', 'integer', (c) => c.notNull())
    .addColumn('threshold', 'double precision', (c) => c.notNull())
    .addColumn('figures', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('model_validations_sha256').on('model_validations').columns(['model_sha256']).execute();
  if (onSqlite) {
    for (const change of ['update', 'delete']) {
      await sql`create trigger ${sql.raw(`model_validations_no_${change}`)} before ${sql.raw(change)} on model_validations
        begin select raise(abort, 'model_validations is a history: rows are added, never changed'); end`.execute(db);
    }
  } else {
    await sql`create trigger model_validations_no_change before update or delete on model_validations
      for each row execute function refuse_change('model_validations is a history: rows are added, never changed')`.execute(
      db,
    );
  }
  await db.schema.alterTable('model_activations').addColumn('approved_by', 'text').execute();
}
