import type { Kysely } from 'kysely';
import type { CaseManifest, Findings } from '../../case/case.ts';
import type { ModelIdentity } from '../../case/triageModel.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import { hasItsFiles } from '../cases/removedFiles.ts';
import type { Schema, ShadowScoresTable } from '../db/schema.ts';
import { inSnapshot } from '../db/transactions.ts';
import { write } from '../cases/storeContext.ts';
import type { StoreContext } from '../cases/storeContext.ts';

/** A case that the active package has finished. */
export interface ShadowCase {
  studyInstanceUid: string;
  revision: number;
  manifest: CaseManifest;
  /** As reported. */
  findings: Findings;
}

/** The shadow package's result for a case, or why there is none. */
export type ShadowOutcome = { findings: Findings; seconds: number } | { failure: string };

/** A stored score, and the readers' verdict on the case. */
export interface ShadowScore extends ShadowScoresTable {
  /** From the newest verdict of each reader; null when there is none, or when readers differ. */
  fracture: 'yes' | 'no' | null;
}

/** The newest case that was assembled, judged and reported and that this package has not scored; null when there is none. */
export async function nextForShadow(context: StoreContext, modelSha256: string): Promise<ShadowCase | null> {
  const row = await due(context.db, modelSha256)
    .select(['cases.study_instance_uid', 'cases.revision', 'analyses.manifest', 'analyses.findings'])
    .orderBy('analyses.analysed_at', 'desc')
    .orderBy('cases.study_instance_uid')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    studyInstanceUid: row.study_instance_uid,
    revision: row.revision,
    manifest: JSON.parse(row.manifest!) as CaseManifest,
    findings: JSON.parse(row.findings!) as Findings,
  };
}

/** Number of cases that this package has yet to score. */
export async function countForShadow(context: StoreContext, modelSha256: string): Promise<number> {
  const { cases } = await due(context.reads, modelSha256)
    .select((row) => row.fn.countAll<number>().as('cases'))
    .executeTakeFirstOrThrow();
  return cases;
}

function due(db: Kysely<Schema>, modelSha256: string) {
  return (
    db
      .selectFrom('cases')
      .innerJoin('analyses', onCurrentRevision)
      .where('cases.state', 'in', ['reported', 'delivered'])
      .where('cases.removing', '=', 0)
      .where(hasItsFiles)
      .where('cases.proof', '=', 0)
      .where('cases.quarantine_reason', 'is', null)
      .where('analyses.manifest', 'is not', null)
      .where('analyses.model_sha256', 'is not', null)
      // A package is not compared with itself.
      .where('analyses.model_sha256', '!=', modelSha256)
      .where((row) =>
        row.not(
          row.exists(
            row
              .selectFrom('shadow_scores')
              .select('shadow_scores.revision')
              .whereRef('shadow_scores.study_instance_uid', '=', 'cases.study_instance_uid')
              .whereRef('shadow_scores.revision', '=', 'cases.revision')
              .where('shadow_scores.model_sha256', '=', modelSha256),
          ),
        ),
      )
  );
}

/** Stores the shadow package's result beside what was reported. Nothing of the case itself changes. */
export async function saveShadowScore(
  context: StoreContext,
  model: ModelIdentity,
  scored: ShadowCase,
  outcome: ShadowOutcome,
): Promise<void> {
  const said = 'findings' in outcome ? outcome.findings : null;
  const active = scored.findings;
  await write(context, async (trx) => {
    await trx
      .insertInto('shadow_scores')
      .values({
        study_instance_uid: scored.studyInstanceUid,
        revision: scored.revision,
        model_name: model.name,
        model_version: model.version,
        model_sha256: model.sha256,
        failure: 'failure' in outcome ? outcome.failure : null,
        decision: said?.decision ?? null,
        reason_code: said?.reasonCode ?? null,
        reason: said?.reason ?? null,
        probability: said?.probability ?? null,
        threshold: said?.threshold?.value ?? null,
        seconds: 'seconds' in outcome ? outcome.seconds : null,
        slices: scored.manifest.slices.length,
        active_model_name: active.model.name,
        active_model_version: active.model.version,
        active_model_sha256: active.model.sha256,
        active_decision: active.decision,
        active_reason_code: active.reasonCode,
        active_probability: active.probability,
        active_threshold: active.threshold?.value ?? null,
        active_seconds: active.seconds['total'] ?? null,
        created_at: context.clock.now(),
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
}

/** Every result of a shadow package, newest first. */
export async function shadowScores(context: StoreContext, modelSha256: string): Promise<ShadowScore[]> {
  return inSnapshot(context.reads, async (trx) => {
    const rows = await trx
      .selectFrom('shadow_scores')
      .selectAll()
      .where('model_sha256', '=', modelSha256)
      .orderBy('created_at', 'desc')
      .orderBy('study_instance_uid')
      .execute();
    const verdicts = await trx
      .selectFrom('verdicts')
      .innerJoin('shadow_scores', (join) =>
        join
          .onRef('shadow_scores.study_instance_uid', '=', 'verdicts.study_instance_uid')
          .onRef('shadow_scores.revision', '=', 'verdicts.revision'),
      )
      .select(['verdicts.study_instance_uid', 'verdicts.revision', 'verdicts.created_by', 'verdicts.fracture'])
      .where('shadow_scores.model_sha256', '=', modelSha256)
      .orderBy('verdicts.id')
      .execute();
    const byCase = new Map<string, Map<string, 'yes' | 'no' | null>>();
    for (const verdict of verdicts) {
      const key = `${verdict.study_instance_uid} ${verdict.revision}`;
      byCase.set(
        key,
        (byCase.get(key) ?? new Map<string, 'yes' | 'no' | null>()).set(verdict.created_by, verdict.fracture),
      );
    }
    return rows.map((row) => {
      const said = new Set(byCase.get(`${row.study_instance_uid} ${row.revision}`)?.values());
      const [only] = said;
      return { ...row, fracture: said.size === 1 ? only! : null };
    });
  });
}
