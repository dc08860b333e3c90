import type { Kysely } from 'kysely';

/** Objects that were answered with a failure and whose study is known; a row goes when the object comes after all. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('refused_objects')
    .addColumn('study_instance_uid', 'text', (c) =>
      c.notNull().references('cases.study_instance_uid').onDelete('cascade'),
    )
    .addColumn('sop_instance_uid', 'text', (c) => c.notNull())
    .addColumn('series_instance_uid', 'text', (c) => c.notNull())
    .addColumn('sop_class_uid', 'text', (c) => c.notNull())
    .addColumn('why', 'text', (c) => c.notNull())
    .addColumn('refused_at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('refused_objects_key', ['study_instance_uid', 'sop_instance_uid'])
    .execute();
}
