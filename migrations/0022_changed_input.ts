import type { Kysely } from 'kysely';

/** Who had read a scan before other images were analysed, and since when a study is incomplete because its sender's connection broke off. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('cases').addColumn('read_before', 'text').execute();
  await db.schema.alterTable('cases').addColumn('broken_off_at', 'bigint').execute();
}
