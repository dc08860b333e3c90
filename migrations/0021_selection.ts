import type { Kysely } from 'kysely';

/** Which selection rule took a study, where its results go, and whether it is left out of the lists, like a prior, because a rule ignores it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('cases')
    .addColumn('ignored', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('cases')
    .addColumn('called_ae_title', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await db.schema.alterTable('cases').addColumn('selection_rule', 'text').execute();
  // JSON array of names; null for all.
  await db.schema.alterTable('cases').addColumn('selected_destinations', 'text').execute();
}
