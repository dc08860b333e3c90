import { sql, type Kysely } from 'kysely';

/** Which selection rule took a study, where its results go, and whether it is left out of the lists, like a prior, because a rule ignores it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = [
    ['ignored', sql`integer not null default 0`],
    ['called_ae_title', sql`text not null default ''`],
    ['selection_rule', sql`text`],
    // JSON array of names; null for all.
    ['selected_destinations', sql`text`],
  ] as const;
  for (const [name, type] of columns) await sql`alter table cases add column ${sql.ref(name)} ${type}`.execute(db);
}
