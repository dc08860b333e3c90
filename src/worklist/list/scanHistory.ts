import type { Transaction } from 'kysely';
import type { CaseRow, Schema } from '../db/schema.ts';

/** Keeps what the threshold page needs of a removed case: its source, arrival, score, decision and reading time. No patient name and no patient ID. */
export async function keepScore(trx: Transaction<Schema>, row: CaseRow): Promise<void> {
  const analysis = await trx
    .selectFrom('analyses')
    .select(['probability', 'analysed_at', 'model_sha256', 'decision'])
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('revision', '=', row.revision)
    .executeTakeFirst();
  const scored = analysis?.probability == null ? undefined : analysis;
  const values = {
    source_ae_title: row.source_ae_title,
    scanner: row.scanner,
    arrived_at: row.first_received_at,
    scored_at: scored?.analysed_at ?? null,
    probability: scored?.probability ?? null,
    model_sha256: scored?.model_sha256 ?? null,
    decision: scored?.decision ?? null,
    stat: row.stat,
    read_at: row.read_at,
  };
  await trx
    .insertInto('scan_history')
    .values({ study_instance_uid: row.study_instance_uid, ...values })
    .onConflict((conflict) => conflict.column('study_instance_uid').doUpdateSet(values))
    .execute();
}
