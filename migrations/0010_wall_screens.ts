import type { Kysely } from 'kysely';

/** Tokens of wall screens: they see the masked list, and nothing else. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('service_tokens')
    .addColumn('kind', 'text', (c) => c.notNull().defaultTo('machine'))
    .execute();
}
