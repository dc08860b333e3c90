import type { Kysely } from 'kysely';
import type { ProofUnderAnswer } from '../../answers/thresholdAnswers.ts';
import type { Schema, ThresholdDraftsTable } from '../db/schema.ts';
import type { ProofMeasures } from '../proof/proofRuns.ts';
import { ruleOf, thresholdsInForce } from './thresholds.ts';

/** An older score says too little about today's path from the receiver to the network. */
const FRESH_MS = 24 * 3_600_000;

/**
 * How the synthetic fracture of the proof of life would be judged under a requested threshold. One network gives that study one score (the proof fails
 * otherwise), so the newest run of this network with a score counts, whichever threshold it was judged by.
 */
export async function proofUnder(
  db: Kysely<Schema>,
  draft: Pick<ThresholdDraftsTable, 'model_name' | 'model_sha256' | 'mode' | 'value'>,
  nowMs: number,
): Promise<ProofUnderAnswer> {
  const runs = await db
    .selectFrom('proof_runs')
    .select(['finished_at as finishedAtMs', 'measures'])
    .where((run) => run.or([run('finished_at', 'is', null), run('finished_at', '>', nowMs - FRESH_MS)]))
    .orderBy('id', 'desc')
    .execute();
  const scored = runs
    .map((run) => ({ ...run, measures: JSON.parse(run.measures) as ProofMeasures }))
    .find(({ measures }) => measures.model?.sha256 === draft.model_sha256 && measures.probability !== null);
  const score = scored?.measures.probability ?? null;
  const threshold =
    draft.mode === 'follows-site' ? ruleOf(await thresholdsInForce(db, draft.model_name)).site : draft.value;
  if (score !== null && threshold !== null)
    return { state: score >= threshold ? 'flagged' : 'not-flagged', score, threshold, atMs: scored!.finishedAtMs };
  return { state: runs[0]?.finishedAtMs === null ? 'running' : 'missing', score: null, threshold: null, atMs: null };
}
