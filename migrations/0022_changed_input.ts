import { sql, type Kysely } from 'kysely';

/** Who had read a scan before other images were analysed, and since when a study is incomplete because its sender's connection broke off. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = [
    ['read_before', sql`text`],
    ['broken_off_at', sql`bigint`],
  ] as const;
  for (const [name, type] of columns) await sql`alter table cases add column ${sql.ref(name)} ${type}`.execute(db);
}
