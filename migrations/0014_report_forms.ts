import type { Kysely } from 'kysely';

/** Reports written once more in a lower SR class, for destinations that do not take the first. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('result_objects').addColumn('form_of', 'text').execute();
  await db.schema.createIndex('result_objects_form_of').on('result_objects').column('form_of').execute();
}
