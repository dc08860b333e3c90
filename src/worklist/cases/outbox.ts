import type { Kysely, Transaction } from 'kysely';
import { nextCaseState } from '../../case/caseState.ts';
import { TriageError } from '../../base/errors.ts';
import type { ClaimedCase } from '../../case/claim.ts';
import type { DeliveryOutcome, DueDelivery, ResultObject } from '../../case/delivery.ts';
import { appendAudit } from '../audit/audit.ts';
import { backoffMs } from '../../base/backoff.ts';
import type { CaseRow, DeliveryStatus, Schema } from '../db/schema.ts';
import { dropSliceFeatures } from './sliceFeatures.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Delays after which a confirmed result is checked again: archives have lost results that they had confirmed. */
const CHECKS_AFTER_MS = [60 * 60_000, 24 * 60 * 60_000];

/** Puts the objects of a report into the outbox, one delivery for each destination. Objects that a destination already has are not sent again. */
export async function enqueue(
  trx: Transaction<Schema>,
  context: StoreContext,
  row: CaseRow,
  objects: readonly ResultObject[],
): Promise<void> {
  const now = context.clock.now();
  for (const object of objects) {
    await trx
      .insertInto('result_objects')
      .values({
        sop_instance_uid: object.sopInstanceUid,
        study_instance_uid: row.study_instance_uid,
        revision: row.revision,
        kind: object.kind,
        sop_class_uid: object.sopClassUid,
        series_instance_uid: object.seriesInstanceUid,
        transfer_syntax_uid: object.transferSyntaxUid,
        path: object.path,
        sha256: object.sha256,
        size_bytes: object.sizeBytes,
        created_at: now,
      })
      .onConflict((conflict) =>
        conflict.column('sop_instance_uid').doUpdateSet({ revision: row.revision, path: object.path }),
      )
      .execute();
    for (const destination of row.proof === 1 ? context.options.proofDestinations : context.options.destinations) {
      await trx
        .insertInto('deliveries')
        .values({
          sop_instance_uid: object.sopInstanceUid,
          destination,
          status: 'pending',
          next_attempt_at: now,
          created_at: now,
          sent_at: null,
          confirmed_at: null,
          next_check_at: null,
          last_status: null,
          last_error: null,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['sop_instance_uid', 'destination'])
            .doUpdateSet({ status: 'pending', next_attempt_at: now, attempts: 0 })
            .where('deliveries.status', 'in', ['cancelled', 'refused']),
        )
        .execute();
    }
  }
}

/** Cancels deliveries of earlier revisions that were not accepted yet: a newer revision has begun. */
export async function cancelUnsent(trx: Transaction<Schema>, studyInstanceUid: string): Promise<void> {
  await trx
    .updateTable('deliveries')
    .set({ status: 'cancelled' })
    .where('status', 'in', ['pending', 'refused'])
    .where('sop_instance_uid', 'in', (objects) =>
      objects
        .selectFrom('result_objects')
        .select('sop_instance_uid')
        .where('study_instance_uid', '=', studyInstanceUid),
    )
    .execute();
}

/** Reports of earlier revisions that a destination has taken, oldest first (PredecessorDocumentsSequence, PS3.3 C.17.2). */
export async function previousReports(
  db: Kysely<Schema>,
  studyInstanceUid: string,
  beforeRevision: number,
): Promise<ClaimedCase['previousSr']> {
  const rows = await db
    .selectFrom('result_objects')
    .select(['sop_class_uid', 'sop_instance_uid', 'series_instance_uid'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('revision', '<', beforeRevision)
    .where('kind', '=', 'sr')
    .where((object) =>
      object.exists(
        object
          .selectFrom('deliveries')
          .select('id')
          .whereRef('deliveries.sop_instance_uid', '=', 'result_objects.sop_instance_uid')
          .where('sent_at', 'is not', null),
      ),
    )
    .orderBy('revision')
    .orderBy('sop_instance_uid')
    .execute();
  return rows.map((row) => ({
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
  }));
}

/** Deliveries that are due at `destination`: suspected cases first, then oldest first, then checks of confirmed results; none of a case that is held. */
export async function dueDeliveries(context: StoreContext, destination: string, limit: number): Promise<DueDelivery[]> {
  const now = context.clock.now();
  const unsettled = await deliveriesOf(context, destination)
    .where('deliveries.status', 'in', ['pending', 'sent'])
    .where('deliveries.next_attempt_at', '<=', now)
    .orderBy('cases.proof')
    .orderBy((order) => order.case().when('analyses.decision', '=', 'suspected').then(0).else(1).end())
    .orderBy('deliveries.id')
    .limit(limit)
    .execute();
  if (unsettled.length >= limit) return unsettled.map((row) => dueDelivery(destination, row));
  const toCheck = await deliveriesOf(context, destination)
    .where('deliveries.status', '=', 'confirmed')
    .where('deliveries.next_check_at', '<=', now)
    .orderBy('deliveries.next_check_at')
    .limit(limit - unsettled.length)
    .execute();
  return [...unsettled, ...toCheck].map((row) => dueDelivery(destination, row));
}

function deliveriesOf(context: StoreContext, destination: string) {
  return context.db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .innerJoin('cases', 'cases.study_instance_uid', 'result_objects.study_instance_uid')
    .leftJoin('analyses', (join) =>
      join
        .onRef('analyses.study_instance_uid', '=', 'result_objects.study_instance_uid')
        .onRef('analyses.revision', '=', 'result_objects.revision'),
    )
    .selectAll('result_objects')
    .select(['deliveries.id', 'deliveries.attempts', 'deliveries.status', 'cases.patient_id', 'cases.accession_number'])
    .where('deliveries.destination', '=', destination)
    .where('cases.quarantine_reason', 'is', null)
    .where('cases.removing', '=', 0);
}

type DeliveryRow = Awaited<ReturnType<ReturnType<typeof deliveriesOf>['execute']>>[number];

function dueDelivery(destination: string, row: DeliveryRow): DueDelivery {
  return {
    id: row.id,
    destination,
    object: {
      kind: row.kind,
      sopClassUid: row.sop_class_uid,
      sopInstanceUid: row.sop_instance_uid,
      seriesInstanceUid: row.series_instance_uid,
      studyInstanceUid: row.study_instance_uid,
      transferSyntaxUid: row.transfer_syntax_uid,
      path: row.path,
      sha256: row.sha256,
      sizeBytes: row.size_bytes,
    },
    caseRevision: row.revision,
    attempts: row.attempts,
    patientId: row.patient_id,
    accessionNumber: row.accession_number,
    state: row.status === 'sent' || row.status === 'confirmed' ? row.status : 'pending',
  };
}

/** When a result that was confirmed at `confirmedAtMs` is next checked after `nowMs`; null when it has been checked often enough. */
function nextCheckAt(confirmedAtMs: number, nowMs: number): number | null {
  return CHECKS_AFTER_MS.map((afterMs) => confirmedAtMs + afterMs).find((at) => at > nowMs) ?? null;
}

/** Records what a destination answered. @throws TriageError `not-found` for an unknown delivery. */
export async function recordDelivery(context: StoreContext, id: number, outcome: DeliveryOutcome): Promise<void> {
  await write(context, async (trx, touched) => {
    const now = context.clock.now();
    const delivery = await trx
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .selectAll('deliveries')
      .select(['result_objects.study_instance_uid', 'result_objects.revision'])
      .where('deliveries.id', '=', id)
      .executeTakeFirst();
    const row = delivery && (await caseRow(trx, delivery.study_instance_uid));
    if (delivery === undefined || row === undefined) throw new TriageError('not-found', `There is no delivery ${id}.`);
    const attempts = outcome.kind === 'confirmed' ? delivery.attempts : delivery.attempts + 1;
    // A receipt for a delivery that was cancelled meanwhile is kept (the destination has the object, and a later report names it), but it stays cancelled.
    const live = delivery.status !== 'cancelled';
    const wait = backoffMs(
      `${delivery.sop_instance_uid}@${delivery.destination}`,
      attempts,
      context.options.deliveryRetryMinMs,
      context.options.deliveryRetryMaxMs,
    );
    const change = (() => {
      switch (outcome.kind) {
        case 'sent':
          return {
            status: 'sent',
            sent_at: now,
            next_attempt_at: now,
            last_status: outcome.status,
            last_error: null,
          } as const;
        case 'confirmed': {
          const confirmedAt = delivery.status === 'confirmed' ? (delivery.confirmed_at ?? now) : now;
          return {
            status: 'confirmed',
            sent_at: delivery.sent_at ?? now,
            confirmed_at: confirmedAt,
            next_check_at: nextCheckAt(confirmedAt, now),
            last_error: null,
          } as const;
        }
        case 'retry':
          // A result that a newer revision will replace is not sent again.
          return {
            status: delivery.revision < row.revision ? 'cancelled' : 'pending',
            next_attempt_at: now + wait,
            last_error: outcome.reason,
          } as const;
        case 'unconfirmed':
          return {
            next_attempt_at: now + wait,
            last_error: outcome.reason,
            ...(delivery.status === 'confirmed' ? { next_check_at: now + wait } : {}),
          };
        case 'lost':
          return {
            status: delivery.revision < row.revision ? 'cancelled' : 'pending',
            next_attempt_at: now,
            confirmed_at: null,
            next_check_at: null,
            last_error: outcome.reason,
          } as const;
        case 'refused':
          return { status: 'refused', last_status: outcome.status, last_error: outcome.reason } as const;
      }
    })();
    await trx
      .updateTable('deliveries')
      .set({ ...change, attempts, ...(live ? {} : { status: 'cancelled' as const }) })
      .where('id', '=', id)
      .execute();
    if (outcome.kind === 'refused' || outcome.kind === 'lost') {
      await appendEvent(trx, {
        studyInstanceUid: row.study_instance_uid,
        revision: row.revision,
        at: now,
        type: outcome.kind === 'refused' ? 'deliveryRefused' : 'resultLost',
        from: row.state,
        to: row.state,
        actor: delivery.destination,
        detail: {
          sopInstanceUid: delivery.sop_instance_uid,
          ...(outcome.kind === 'refused' ? { status: outcome.status } : {}),
        },
      });
    }
    if (outcome.kind === 'sent' || outcome.kind === 'refused') await noteSent(trx, row, delivery, now);
    if (outcome.kind === 'confirmed') await settle(trx, row, now);
    touched.add(row.study_instance_uid);
  });
}

/** Records in the audit that a destination has the results of a revision, once none of them is still to be sent. Synthetic results belong to no patient. */
async function noteSent(
  trx: Transaction<Schema>,
  row: CaseRow,
  { destination, revision }: { destination: string; revision: number },
  now: number,
): Promise<void> {
  if (row.proof === 1) return;
  const { waiting, sent, refused } = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(({ fn }) => [
      fn.countAll<number>().filterWhere('deliveries.status', '=', 'pending').as('waiting'),
      fn.countAll<number>().filterWhere('deliveries.status', 'in', ['sent', 'confirmed']).as('sent'),
      fn.countAll<number>().filterWhere('deliveries.status', '=', 'refused').as('refused'),
    ])
    .where('result_objects.study_instance_uid', '=', row.study_instance_uid)
    .where('result_objects.revision', '=', revision)
    .where('deliveries.destination', '=', destination)
    .executeTakeFirstOrThrow();
  if (waiting > 0) return;
  const fact = { actor: 'odontoid', target: row.study_instance_uid };
  if (sent > 0)
    await appendAudit(trx, now, { ...fact, action: 'results.sent', detail: { destination, revision, objects: sent } });
  if (refused > 0)
    await appendAudit(trx, now, {
      ...fact,
      action: 'results.refused',
      detail: { destination, revision, objects: refused },
    });
}

/**
 * Marks a case as delivered once every destination has confirmed its report, in the same transaction as the last receipt. Its result is final then, or, where
 * nothing is sent, as soon as it is written.
 */
export async function settle(trx: Transaction<Schema>, row: CaseRow, now: number): Promise<void> {
  if (row.state !== 'reported' && row.state !== 'ineligible' && row.state !== 'failed') return;
  const deliveries = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.status')
    .where('result_objects.study_instance_uid', '=', row.study_instance_uid)
    .where('result_objects.revision', '=', row.revision)
    .execute();
  if (deliveries.some((delivery) => delivery.status !== 'confirmed')) return;
  await dropSliceFeatures(trx, row.study_instance_uid);
  if (deliveries.length === 0) return;
  const state = nextCaseState(row.state, 'delivered');
  await trx.updateTable('cases').set({ state }).where('study_instance_uid', '=', row.study_instance_uid).execute();
  await appendEvent(trx, {
    studyInstanceUid: row.study_instance_uid,
    revision: row.revision,
    at: now,
    type: 'delivered',
    from: row.state,
    to: state,
    actor: 'deliver',
  });
}

/** Sends at once what a destination refused or could not take yet, after a person has changed something. Returns how many deliveries are due. */
export async function retryDeliveries(
  context: StoreContext,
  studyInstanceUid: string,
  actor: string,
  reason: string,
): Promise<number> {
  return write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    if (row === undefined) throw new TriageError('not-found', 'There is no such study.');
    touched.add(studyInstanceUid);
    return sendAgain(
      trx,
      row,
      { statuses: ['refused', 'pending'], everyRevision: true },
      { at: context.clock.now(), actor, reason },
    );
  });
}

/** Makes deliveries of a study due again with the same bytes, and records in its history who asked for it and why. Returns how many. */
export async function sendAgain(
  trx: Transaction<Schema>,
  row: CaseRow,
  which: { statuses: readonly DeliveryStatus[]; everyRevision: boolean },
  request: { at: number; actor: string; reason: string },
): Promise<number> {
  const { numUpdatedRows } = await trx
    .updateTable('deliveries')
    .set({ status: 'pending', next_attempt_at: request.at, attempts: 0, confirmed_at: null })
    .where('status', 'in', which.statuses)
    .where('sop_instance_uid', 'in', (objects) =>
      objects
        .selectFrom('result_objects')
        .select('sop_instance_uid')
        .where('study_instance_uid', '=', row.study_instance_uid)
        .$if(!which.everyRevision, (those) => those.where('revision', '=', row.revision)),
    )
    .executeTakeFirstOrThrow();
  await appendEvent(trx, {
    studyInstanceUid: row.study_instance_uid,
    revision: row.revision,
    at: request.at,
    type: 'deliveryRetried',
    from: row.state,
    to: row.state,
    actor: request.actor,
    detail: { reason: request.reason },
  });
  return Number(numUpdatedRows);
}
