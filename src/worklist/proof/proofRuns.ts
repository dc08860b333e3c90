import type { Kysely, Selectable } from 'kysely';
import type { ProofRun } from '../../answers/adminAnswers.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { ProofRunsTable, Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

export type ProofMeasures = ProofRun['measures'];
/** The steps of a proof of life, in this order. */
export type ProofStage = keyof ProofMeasures['stageMs'];

export interface ProofRuns {
  /** Opens a run. A run that an earlier process left open is closed as stopped. */
  begin(cause: ProofRun['cause'], requestedBy: string): Promise<number>;
  /** Must be called before the first slice is sent: from then on a study with this UID counts as a proof, and as no patient's. */
  expect(id: number, studyInstanceUid: string): Promise<void>;
  finish(
    id: number,
    result: { outcome: NonNullable<ProofRun['outcome']>; failure: string | null; measures: ProofMeasures },
  ): Promise<void>;
  /** Newest first. */
  newest(limit: number): Promise<ProofRun[]>;
  /** The newest run of one of these outcomes. */
  last(outcomes: readonly NonNullable<ProofRun['outcome']>[]): Promise<ProofRun | null>;
}

/** The current state of the proofs of life. */
export interface ProofStatus {
  running: ProofRun | null;
  last: ProofRun | null;
  lastPassedAtMs: number | null;
  /** Why somebody must look, as a sentence. */
  alarm: string | null;
  /** The change of threshold that made the last run fail and is still in force; null when there is none. */
  takeBack: { version: number; by: string; atMs: number } | null;
}

export const NOTHING_MEASURED: ProofMeasures = {
  stageMs: {},
  totalMs: null,
  slices: null,
  decision: null,
  probability: null,
  threshold: null,
  model: null,
  destinations: [],
};
/** Runs that are kept; the oldest are deleted. */
const MOST_KEPT = 2_000;

/** The proofs of life of an open database. */
export function createProofRuns({ db, reads }: WorklistDatabase, clock: Clock): ProofRuns {
  const change = (id: number, values: Partial<Selectable<ProofRunsTable>>): Promise<void> =>
    inTransaction(db, async (trx) => {
      await trx.updateTable('proof_runs').set(values).where('id', '=', id).execute();
    });
  return {
    begin: (cause, requestedBy) =>
      inTransaction(db, async (trx) => {
        const now = clock.now();
        await trx
          .updateTable('proof_runs')
          .set({ finished_at: now, outcome: 'stopped' })
          .where('finished_at', 'is', null)
          .execute();
        const { id } = await trx
          .insertInto('proof_runs')
          .values({
            study_instance_uid: null,
            cause,
            requested_by: requestedBy,
            started_at: now,
            finished_at: null,
            outcome: null,
            failure: null,
            measures: JSON.stringify(NOTHING_MEASURED),
          })
          .returning('id')
          .executeTakeFirstOrThrow();
        // A study still in the spool must remain known as a proof.
        await trx
          .deleteFrom('proof_runs')
          .where('id', '<=', id - MOST_KEPT)
          .where((run) =>
            run.not(
              run.exists(
                run
                  .selectFrom('cases')
                  .select('cases.proof')
                  .whereRef('cases.study_instance_uid', '=', 'proof_runs.study_instance_uid'),
              ),
            ),
          )
          .execute();
        return id;
      }),
    expect: (id, studyInstanceUid) => change(id, { study_instance_uid: studyInstanceUid }),
    finish: (id, { outcome, failure, measures }) =>
      change(id, { finished_at: clock.now(), outcome, failure, measures: JSON.stringify(measures) }),
    newest: async (limit) =>
      (await reads.selectFrom('proof_runs').selectAll().orderBy('id', 'desc').limit(limit).execute()).map(runOf),
    last: async (outcomes) => {
      const row = await reads
        .selectFrom('proof_runs')
        .selectAll()
        .where('outcome', 'in', outcomes)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? null : runOf(row);
    },
  };
}

/** True for a study whose UID the agent generated for a proof and recorded before it sent anything: no scanner can have it. */
export async function isProof(db: Kysely<Schema>, studyInstanceUid: string): Promise<boolean> {
  return (
    (await db
      .selectFrom('proof_runs')
      .select('id')
      .where('study_instance_uid', '=', studyInstanceUid)
      .executeTakeFirst()) !== undefined
  );
}

function runOf(row: Selectable<ProofRunsTable>): ProofRun {
  return {
    id: row.id,
    studyInstanceUid: row.study_instance_uid,
    cause: row.cause,
    requestedBy: row.requested_by,
    startedAtMs: row.started_at,
    finishedAtMs: row.finished_at,
    outcome: row.outcome,
    failure: row.failure,
    measures: JSON.parse(row.measures) as ProofMeasures,
  };
}
