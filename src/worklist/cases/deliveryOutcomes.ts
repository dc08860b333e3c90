import type { Selectable, Transaction, Updateable } from 'kysely';
import { backoffMs } from '../../base/backoff.ts';
import { TriageError } from '../../base/errors.ts';
import { nextCaseState } from '../../case/caseState.ts';
import type { DeliveryOutcome } from '../../case/delivery.ts';
import { appendAudit } from '../audit/audit.ts';
import type { CaseRow, ClosedCause, Schema } from '../db/schema.ts';
import { addForm } from './outbox.ts';
import { dropSliceFeatures } from './sliceFeatures.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';
import { deliveringTo, isTakenOver } from './workLeases.ts';

/** Delays after which a confirmed result is checked again: archives have lost results that they had confirmed. */
const CHECKS_AFTER_MS = [60 * 60_000, 24 * 60 * 60_000];

/** When a result that was confirmed at `confirmedAtMs` is next checked after `nowMs`; null when it has been checked often enough. */
function nextCheckAt(confirmedAtMs: number, nowMs: number): number | null {
  return CHECKS_AFTER_MS.map((afterMs) => confirmedAtMs + afterMs).find((at) => at > nowMs) ?? null;
}

/**
 * Records what a destination answered; `stale` when another node sends there by now, which finds out for itself. @throws TriageError `not-found` for an unknown
 * delivery
 */
export async function recordDelivery(
  context: StoreContext,
  id: number,
  outcome: DeliveryOutcome,
): Promise<'recorded' | 'stale'> {
  return write(context, async (trx, touched) => {
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
    if (await isTakenOver(trx, context, deliveringTo(delivery.destination))) return 'stale';
    const attempts = outcome.kind === 'confirmed' ? delivery.attempts : delivery.attempts + 1;
    // A receipt for a delivery that was cancelled meanwhile is kept (the destination has the object, and a later report names it), but it stays cancelled.
    const live = delivery.status !== 'cancelled';
    const isCardThere = outcome.kind === 'no-sr-class' && (await hasCard(trx, delivery));
    const change = changeBy(outcome, {
      delivery,
      isSuperseded: delivery.revision < row.revision,
      isCardThere,
      now,
      retryMinMs: context.options.deliveryRetryMinMs,
      waitMs: backoffMs(
        `${delivery.sop_instance_uid}@${delivery.destination}`,
        attempts,
        context.options.deliveryRetryMinMs,
        context.options.deliveryRetryMaxMs,
      ),
    });
    await trx
      .updateTable('deliveries')
      .set({ ...change, attempts, ...(live ? {} : { status: 'cancelled' as const }) })
      .where('id', '=', id)
      .execute();
    if (outcome.kind === 'refused') await reopenReport(trx, delivery, outcome);
    if (outcome.kind === 'other-class' && live) await addForm(trx, delivery, outcome.object, now);
    const event = eventOf(outcome, isCardThere);
    if (event !== null)
      await appendEvent(trx, {
        studyInstanceUid: row.study_instance_uid,
        revision: row.revision,
        at: now,
        type: event.type,
        from: row.state,
        to: row.state,
        actor: delivery.destination,
        detail: { sopInstanceUid: delivery.sop_instance_uid, ...event.detail },
      });
    if (outcome.kind === 'sent' || outcome.kind === 'refused' || outcome.kind === 'no-sr-class')
      await noteSent(trx, row, delivery, now);
    if (outcome.kind === 'confirmed' || outcome.kind === 'no-sr-class')
      await settle(trx, row, now, context.options.nodeName);
    touched.add(row.study_instance_uid);
    return 'recorded';
  });
}

type RecordedDelivery = Selectable<Schema['deliveries']> & { study_instance_uid: string; revision: number };

/** What an answer changes in its delivery. */
function changeBy(
  outcome: DeliveryOutcome,
  facts: {
    delivery: RecordedDelivery;
    isSuperseded: boolean;
    isCardThere: boolean;
    now: number;
    retryMinMs: number;
    waitMs: number;
  },
): Updateable<Schema['deliveries']> {
  const { delivery, isSuperseded, now, waitMs } = facts;
  switch (outcome.kind) {
    case 'sent':
      return {
        status: 'sent',
        sent_at: now,
        next_attempt_at: now,
        sends: delivery.sends + 1,
        last_status: outcome.status,
        last_error: null,
        remark: null,
      };
    case 'confirmed': {
      const confirmedAt = delivery.status === 'confirmed' ? (delivery.confirmed_at ?? now) : now;
      return {
        status: 'confirmed',
        sent_at: delivery.sent_at ?? now,
        confirmed_at: confirmedAt,
        next_check_at: nextCheckAt(confirmedAt, now),
        last_error: null,
        remark: outcome.remark ?? null,
        // A later look does not undo a commitment.
        receipt:
          delivery.receipt === 'committed' && delivery.status === 'confirmed' ? 'committed' : (outcome.receipt ?? null),
      };
    }
    case 'retry':
      if (delivery.status === 'sent' && !isSuperseded) return unlisted(delivery, outcome.reason, facts);
      // A result that a newer revision will replace is not sent again.
      return {
        status: isSuperseded ? 'cancelled' : 'pending',
        next_attempt_at: now + waitMs,
        last_error: outcome.reason,
      };
    case 'unconfirmed':
      return {
        next_attempt_at: now + waitMs,
        last_error: outcome.reason,
        ...(delivery.status === 'confirmed' ? { next_check_at: now + waitMs } : {}),
      };
    case 'lost':
      return {
        status: isSuperseded ? 'cancelled' : 'pending',
        sends: 0,
        next_attempt_at: now,
        confirmed_at: null,
        next_check_at: null,
        last_error: outcome.reason,
      };
    case 'other-class':
      return { status: 'closed', last_status: 'other-class' satisfies ClosedCause, last_error: outcome.reason };
    case 'no-sr-class':
      return facts.isCardThere
        ? { status: 'closed', last_status: 'no-sr-class' satisfies ClosedCause, last_error: outcome.reason }
        : { status: 'refused', last_status: outcome.status, last_error: outcome.reason };
    case 'refused':
      return { status: 'refused', last_status: outcome.status, last_error: outcome.reason };
  }
}

/** Sends of a result that a destination accepts each time and never lists; after that it is only looked up. */
const MOST_SENDS = 8;
const LONGEST_UNLISTED_WAIT_MS = 24 * 60 * 60_000;

/** A destination that accepts and does not list: each wait is four times the one before, so that the last of its sends comes a day later. */
function unlisted(
  { sends }: RecordedDelivery,
  reason: string,
  { now, retryMinMs }: { now: number; retryMinMs: number },
): Updateable<Schema['deliveries']> {
  const next_attempt_at = now + Math.min(retryMinMs * 4 ** Math.min(sends, 20), LONGEST_UNLISTED_WAIT_MS);
  return sends < MOST_SENDS
    ? { status: 'pending', next_attempt_at, last_error: reason }
    : {
        status: 'sent',
        next_attempt_at,
        last_error: `Accepted ${sends} times, and a query never names it. It is not sent again by itself, and looked up once a day. Look at the destination; if it never lists such objects, set "confirm: none" for it.`,
      };
}

/** What the history of the case keeps of an answer; null for what happens with every result. */
function eventOf(
  outcome: DeliveryOutcome,
  isCardThere: boolean,
): { type: string; detail: Record<string, unknown> } | null {
  switch (outcome.kind) {
    case 'lost':
      return { type: 'resultLost', detail: {} };
    case 'other-class':
      return { type: 'deliveryInOtherClass', detail: { sopClassUid: outcome.object.sopClassUid } };
    case 'no-sr-class':
      return { type: isCardThere ? 'cardInsteadOfReport' : 'deliveryRefused', detail: { status: outcome.status } };
    case 'refused':
      return { type: 'deliveryRefused', detail: { status: outcome.status } };
    case 'sent':
    case 'confirmed':
    case 'retry':
    case 'unconfirmed':
      return null;
  }
}

/** Whether the destination of a report has, or will get, the triage card of the same revision, which says what the report says. */
async function hasCard(trx: Transaction<Schema>, { destination, study_instance_uid, revision }: RecordedDelivery) {
  const card = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.id')
    .where('deliveries.destination', '=', destination)
    .where('deliveries.status', 'in', ['pending', 'sent', 'confirmed'])
    .where('result_objects.study_instance_uid', '=', study_instance_uid)
    .where('result_objects.revision', '=', revision)
    .where('result_objects.kind', '=', 'sc')
    .where('result_objects.is_heatmap', '=', 0)
    .executeTakeFirst();
  return card !== undefined;
}

/** A report that was left to the pictures is refused after all once the last of them is. */
async function reopenReport(
  trx: Transaction<Schema>,
  delivery: RecordedDelivery,
  { status, reason }: { status: string; reason: string },
): Promise<void> {
  if (await hasCard(trx, delivery)) return;
  await trx
    .updateTable('deliveries')
    .set({ status: 'refused', last_status: status, last_error: reason })
    .where('destination', '=', delivery.destination)
    .where('status', '=', 'closed')
    .where('last_status', '=', 'no-sr-class' satisfies ClosedCause)
    .where('sop_instance_uid', 'in', (reports) =>
      reports
        .selectFrom('result_objects')
        .select('sop_instance_uid')
        .where('study_instance_uid', '=', delivery.study_instance_uid)
        .where('revision', '=', delivery.revision),
    )
    .execute();
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
export async function settle(trx: Transaction<Schema>, row: CaseRow, now: number, node?: string): Promise<void> {
  if (row.state !== 'reported' && row.state !== 'ineligible' && row.state !== 'failed') return;
  const deliveries = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.status')
    .where('result_objects.study_instance_uid', '=', row.study_instance_uid)
    .where('result_objects.revision', '=', row.revision)
    .execute();
  if (deliveries.some(({ status }) => status !== 'confirmed' && status !== 'closed')) return;
  await dropSliceFeatures(trx, row.study_instance_uid);
  if (!deliveries.some(({ status }) => status === 'confirmed')) return;
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
    ...(node === undefined ? {} : { node }),
  });
}
