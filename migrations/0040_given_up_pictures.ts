import type { Kysely } from 'kysely';

/** Pictures that no destination is to get any more, whose files were deleted to make room: since when. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('result_objects').addColumn('file_removed_at', 'bigint').execute();
}
