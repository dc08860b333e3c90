import type { Kysely } from 'kysely';

/** Which node holds a lease, and which start of it. A lease from before this migration names neither, and runs out. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['lease_node', 'lease_boot'])
    await db.schema.alterTable('cases').addColumn(column, 'text').execute();
}
