import { SqliteAdapter, type ColumnDefinitionBuilder, type Kysely } from 'kysely';

/** Synthetic studies that the agent sends itself: their UIDs are on record before the first slice is sent, and their cases belong to no patient. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const onSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
  const counted = (column: ColumnDefinitionBuilder) =>
    onSqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity();

  await db.schema
    .alterTable('cases')
    .addColumn('proof', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  // Outlives its case: the outcome stays when the files are gone.
  await db.schema
    .createTable('proof_runs')
    .addColumn('id', 'integer', counted)
    .addColumn('study_instance_uid', 'text', (c) => c.unique())
    .addColumn('cause', 'text', (c) => c.notNull())
    .addColumn('requested_by', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('finished_at', 'bigint')
    .addColumn('outcome', 'text')
    .addColumn('failure', 'text')
    .addColumn('measures', 'text', (c) => c.notNull())
    .execute();
}
