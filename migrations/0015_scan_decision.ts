import { sql, type Kysely } from 'kysely';

/** The decision of a removed scan, without which the site's sensitivity cannot be weighted by what was verified. Null for scans removed before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('scan_history')
    .addColumn('decision', 'text', (c) => c.check(sql`decision in ('suspected', 'not-suspected')`))
    .execute();
}
