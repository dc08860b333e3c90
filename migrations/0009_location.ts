import type { Kysely } from 'kysely';

/** Where the patient is, from the attribute that the site has chosen. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('cases')
    .addColumn('location', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  // Every answer of the list names the places of unread cases, so it must not scan all cases.
  await db.schema
    .createIndex('cases_places')
    .on('cases')
    .columns(['read_at', 'proof', 'removing', 'location'])
    .execute();
}
