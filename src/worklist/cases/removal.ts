import { sql } from 'kysely';
import type { ExpressionBuilder, Kysely, SelectQueryBuilder, Transaction } from 'kysely';
import { appendAudit } from '../audit/audit.ts';
import { keepPatientForAudit } from '../audit/auditOutbox.ts';
import { isDismissed } from './dismiss.ts';
import type { CaseRow, RemovedCasesTable, Schema } from '../db/schema.ts';
import { keepScore } from '../list/scanHistory.ts';
import { keepRemovedCase } from './removedCases.ts';
import { dropSliceFeatures, objectSha256 } from './sliceFeatures.ts';
import { appendEvent, caseRow, NO_LEASE, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** A case that may be removed, and its files. */
export interface RemovableCase {
  studyInstanceUid: string;
  lastReceivedAtMs: number;
}

export interface CaseFiles {
  /** Relative to the spool. */
  spoolPaths: string[];
  /** Absolute. */
  resultPaths: string[];
}

/** Why cases are removed: their retention time is over, or the disk is nearly full. */
export type RemovalCause = RemovedCasesTable['cause'];

/** How long a synthetic study is kept after its run, so that somebody can look into a failure. */
const PROOF_KEPT_MS = 24 * 60 * 60_000;

/** SQL on a row of `cases`: the network has analysed its current revision and did not flag it. */
const isUnflagged = sql<boolean>`exists (
  select 1 from analyses
  where analyses.study_instance_uid = cases.study_instance_uid
    and analyses.revision = cases.revision
    and analyses.decision = 'not-suspected'
)`;

/** SQL on a row of `cases`: results of its current revision were closed, each with its cause. */
const hasClosedDelivery = sql<boolean>`exists (
  select 1 from deliveries
  join result_objects on result_objects.sop_instance_uid = deliveries.sop_instance_uid
  where result_objects.study_instance_uid = cases.study_instance_uid
    and result_objects.revision = cases.revision
    and deliveries.status = 'closed'
)`;

/**
 * A study that received nothing new since `beforeMs` and that nobody is to read any more: it was read, is a prior, or was left as it is. Once its full time is
 * over, also an unread one that was analysed and not flagged. Never an unread one that was flagged or not analysed.
 */
export function isLeftAlone(row: ExpressionBuilder<Schema, 'cases'>, beforeMs: number, cause: RemovalCause) {
  return row.and([
    row('proof', '=', 0),
    row('last_received_at', '<', beforeMs),
    row.or([
      row('read_at', 'is not', null),
      isDismissed,
      // Nobody is to read it as a new scan.
      row('recency', '=', 'prior'),
      // Its removal began when it was allowed: its files may be gone already.
      row('removing', '=', 1),
      ...(cause === 'age' ? [isUnflagged] : []),
    ]),
  ]);
}

/**
 * Cases that are finished and received nothing new since `beforeMs`: delivered, or not eligible with nothing left to report or to send. Never an unfinished
 * case; a failed or held one, or one with refused results, only after a person has dismissed it. An unread study stays when it is flagged or was not
 * analysed, unless it is a prior or ignored by a rule; any other unread study stays for its full time, however full the disk is. A synthetic study goes a day after its run, whatever its outcome.
 */
function finished({ clock }: StoreContext, db: Kysely<Schema>, beforeMs: number, cause: RemovalCause) {
  return db.selectFrom('cases').where((row) =>
    row.or([
      row.and([
        isLeftAlone(row, beforeMs, cause),
        row.or([
          row.and([row('quarantine_reason', 'is not', null), isDismissed]),
          row.and([
            row('quarantine_reason', 'is', null),
            row('report_due', '=', 0),
            row.or([
              row('state', 'in', ['delivered', 'ineligible']),
              // Nobody is to get it: the closed deliveries say why.
              row.and([row('state', '=', 'reported'), hasClosedDelivery]),
              row.and([row('state', 'in', ['reported', 'failed']), isDismissed]),
            ]),
            row.not(
              row.exists(
                row
                  .selectFrom('result_objects')
                  .leftJoin('deliveries', 'deliveries.sop_instance_uid', 'result_objects.sop_instance_uid')
                  .select('result_objects.sop_instance_uid')
                  .whereRef('result_objects.study_instance_uid', '=', 'cases.study_instance_uid')
                  .whereRef('result_objects.revision', '=', 'cases.revision')
                  .where((delivery) =>
                    delivery.or([
                      // A report without a delivery has no destination yet, so it is still needed.
                      delivery('deliveries.status', 'is', null),
                      delivery('deliveries.status', 'not in', ['confirmed', 'refused', 'closed']),
                      delivery.and([delivery('deliveries.status', '=', 'refused'), delivery.not(isDismissed)]),
                    ]),
                  ),
              ),
            ),
          ]),
        ]),
      ]),
      row.and([
        row('proof', '=', 1),
        row.exists(
          row
            .selectFrom('proof_runs')
            .select('proof_runs.id')
            .whereRef('proof_runs.study_instance_uid', '=', 'cases.study_instance_uid')
            .where('proof_runs.finished_at', '<', Math.max(beforeMs, clock.now() - PROOF_KEPT_MS)),
        ),
      ]),
    ]),
  );
}

/** Cases that may be removed. An interrupted removal is listed again. */
export async function removableCases(
  context: StoreContext,
  beforeMs: number,
  limit: number,
  cause: RemovalCause = 'age',
): Promise<RemovableCase[]> {
  return safestFirst(finished(context, context.db, beforeMs, cause), limit);
}

/** Those that were not flagged, then the others, each oldest first. */
export async function safestFirst(
  cases: SelectQueryBuilder<Schema, 'cases', object>,
  limit: number,
): Promise<RemovableCase[]> {
  const rows = await cases
    .select(['study_instance_uid', 'last_received_at'])
    .orderBy(isUnflagged, 'desc')
    .orderBy('last_received_at')
    .orderBy('study_instance_uid')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ studyInstanceUid: row.study_instance_uid, lastReceivedAtMs: row.last_received_at }));
}

/**
 * Deletes the encoded slices of finished cases that nobody will ask about again; they only save time when a study is analysed again. Returns how many slices.
 */
export async function removeFeatures(context: StoreContext, beforeMs: number): Promise<number> {
  return write(context, async (trx) => {
    const { numDeletedRows } = await trx
      .deleteFrom('slice_features')
      .where(objectSha256, 'in', (instances) =>
        instances
          .selectFrom('instances')
          .innerJoin('cases', 'cases.study_instance_uid', 'instances.study_instance_uid')
          .select('instances.sha256')
          .where('cases.state', 'in', ['delivered', 'ineligible'])
          .where('cases.quarantine_reason', 'is', null)
          .where('cases.last_received_at', '<', beforeMs),
      )
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  });
}

/** Marks the case so that nothing claims it while its files are deleted; null when it is no longer finished, or received something since `beforeMs`. */
export async function beginRemoval(
  context: StoreContext,
  studyInstanceUid: string,
  beforeMs: number,
  cause: RemovalCause = 'age',
): Promise<CaseFiles | null> {
  return write(context, async (trx) => {
    const row = await finished(context, trx, beforeMs, cause)
      .select('study_instance_uid')
      .where('study_instance_uid', '=', studyInstanceUid)
      .executeTakeFirst();
    if (row === undefined) return null;
    await trx
      .updateTable('cases')
      .set({ removing: 1, ...NO_LEASE })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    const instances = await trx
      .selectFrom('instances')
      .select('path')
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    const objects = await trx
      .selectFrom('result_objects')
      .select('path')
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    return {
      spoolPaths: instances.map((instance) => instance.path),
      resultPaths: objects.map((object) => object.path),
    };
  });
}

/** Completes a removal whose files are gone. False when new input has reopened the study meanwhile. */
export async function finishRemoval(
  context: StoreContext,
  studyInstanceUid: string,
  cause: RemovalCause = 'age',
): Promise<boolean> {
  return write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    if (row?.removing !== 1) return false;
    await eraseCase(trx, row, context.clock.now(), cause);
    touched.add(studyInstanceUid);
    return true;
  });
}

/** Deletes everything on record of a case except its audit, its score, and what it was and when it was removed. */
export async function eraseCase(
  trx: Transaction<Schema>,
  row: CaseRow,
  now: number,
  cause: RemovalCause = 'age',
): Promise<void> {
  const { study_instance_uid: studyInstanceUid } = row;
  // The score of a synthetic study or of a study that nobody was to read is not one of a scan that was read here.
  if (row.proof === 0 && row.recency !== 'prior') await keepScore(trx, row);
  if (row.proof === 0) await keepRemovedCase(trx, row, { atMs: now, cause });
  await dropSliceFeatures(trx, studyInstanceUid);
  await trx.deleteFrom('instances').where('study_instance_uid', '=', studyInstanceUid).execute();
  if (row.proof === 0) {
    const detail = { state: row.state, read: row.read_at !== null, cause };
    await appendAudit(trx, now, { action: 'study.removed', actor: 'odontoid', target: studyInstanceUid, detail });
    await keepPatientForAudit(trx, row);
  }
  await trx.deleteFrom('cases').where('study_instance_uid', '=', studyInstanceUid).execute();
  await appendEvent(trx, {
    studyInstanceUid,
    revision: row.revision,
    at: now,
    type: 'removed',
    from: row.state,
    to: row.state,
    actor: 'housekeeping',
  });
}
