import type { Kysely, Selectable, Transaction, Updateable } from 'kysely';
import { nextCaseState } from '../../case/caseState.ts';
import { TriageError } from '../../base/errors.ts';
import type { ClaimedCase } from '../../case/claim.ts';
import type { DeliveryOutcome, DueDelivery, ResultObject } from '../../case/delivery.ts';
import { appendAudit } from '../audit/audit.ts';
import { backoffMs } from '../../base/backoff.ts';
import type { CaseRow, ClosedCause, DeliveryStatus, Schema } from '../db/schema.ts';
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
  const addressees = await addresseesOf(trx, context, row);
  for (const object of objects) {
    await putObject(trx, object, { revision: row.revision, formOf: null, now });
    await reviveForms(trx, object.sopInstanceUid, row.revision, now);
    for (const { destination, objection } of addressees)
      await putDelivery(trx, object.sopInstanceUid, destination, now, objection(object));
  }
}

/** Where the results of a case go, and for each object why it does not go there; null where it does. */
async function addresseesOf(
  trx: Transaction<Schema>,
  { options }: StoreContext,
  row: CaseRow,
): Promise<{ destination: string; objection: (object: ResultObject) => ClosedCause | null }[]> {
  const analysis = await trx
    .selectFrom('analyses')
    .select('decision')
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('revision', '=', row.revision)
    .executeTakeFirst();
  const earlier = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.destination')
    .distinct()
    .where('result_objects.study_instance_uid', '=', row.study_instance_uid)
    .where('deliveries.sent_at', 'is not', null)
    .execute();
  return destinationsOf(options, row).map((destination) => {
    const wishes = options.wishes.get(destination);
    // A proof goes wherever it is sent to; a result that a destination has is replaced there whatever the new one says.
    const isDecisionWanted =
      wishes?.onlySuspected !== true ||
      row.proof === 1 ||
      analysis?.decision === 'suspected' ||
      earlier.some((one) => one.destination === destination);
    return {
      destination,
      objection: (object) => {
        if (wishes === undefined) return null;
        if (!isDecisionWanted) return 'decision-not-wanted';
        return wishes[wishFor(object)] === true ? null : 'object-not-wanted';
      },
    };
  });
}

/** By which wish of a destination it gets an object. */
function wishFor({ kind, isHeatmap }: ResultObject) {
  if (kind === 'sr') return 'report';
  if (kind === 'ks') return 'keySlices';
  return isHeatmap === true ? 'heatmaps' : 'card';
}

async function putObject(
  trx: Transaction<Schema>,
  object: ResultObject,
  { revision, formOf, now }: { revision: number; formOf: string | null; now: number },
): Promise<void> {
  await trx
    .insertInto('result_objects')
    .values({
      sop_instance_uid: object.sopInstanceUid,
      study_instance_uid: object.studyInstanceUid,
      revision,
      kind: object.kind,
      sop_class_uid: object.sopClassUid,
      series_instance_uid: object.seriesInstanceUid,
      transfer_syntax_uid: object.transferSyntaxUid,
      path: object.path,
      sha256: object.sha256,
      size_bytes: object.sizeBytes,
      created_at: now,
      form_of: formOf,
      is_heatmap: object.isHeatmap === true ? 1 : 0,
    })
    .onConflict((conflict) => conflict.column('sop_instance_uid').doUpdateSet({ revision, path: object.path }))
    .execute();
}

/** Causes that a change of the configuration can end. */
const NOT_WANTED = ['object-not-wanted', 'decision-not-wanted', 'retired'] as const satisfies ClosedCause[];

/** Makes a result due at a destination, unless it has it, or has it in another form. */
async function putDelivery(
  trx: Transaction<Schema>,
  sopInstanceUid: string,
  destination: string,
  now: number,
  objection: ClosedCause | null = null,
): Promise<void> {
  const status = objection === null ? 'pending' : 'closed';
  await trx
    .insertInto('deliveries')
    .values({
      sop_instance_uid: sopInstanceUid,
      destination,
      status,
      next_attempt_at: now,
      created_at: now,
      sent_at: null,
      confirmed_at: null,
      next_check_at: null,
      last_status: objection,
      last_error: null,
      remark: null,
      receipt: null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['sop_instance_uid', 'destination'])
        .doUpdateSet({ status, next_attempt_at: now, attempts: 0, ...(objection && { last_status: objection }) })
        .where((delivery) =>
          delivery.or([
            delivery('deliveries.status', 'in', ['cancelled', 'refused']),
            delivery.and([
              delivery('deliveries.status', '=', 'closed'),
              delivery('deliveries.last_status', 'in', NOT_WANTED),
            ]),
          ]),
        ),
    )
    .execute();
}

/** The same report as before: where it goes in a lower SR class, it does so still. */
async function reviveForms(trx: Transaction<Schema>, report: string, revision: number, now: number): Promise<void> {
  await trx.updateTable('result_objects').set({ revision }).where('form_of', '=', report).execute();
  await trx
    .updateTable('deliveries')
    .set({ status: 'pending', next_attempt_at: now, attempts: 0 })
    .where('status', 'in', ['cancelled', 'refused'])
    .where('sop_instance_uid', 'in', (forms) =>
      forms.selectFrom('result_objects').select('sop_instance_uid').where('form_of', '=', report),
    )
    .execute();
}

function destinationsOf(options: StoreContext['options'], row: CaseRow): readonly string[] {
  if (row.proof === 1) return options.proofDestinations;
  if (row.selected_destinations === null) return options.destinations;
  const selected = new Set(JSON.parse(row.selected_destinations) as string[]);
  return options.destinations.filter((name) => selected.has(name));
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
    // Of several SR classes of one report, the one that the report stage wrote comes last.
    .orderBy('form_of', (order) => order.desc().nullsLast())
    .orderBy('sop_instance_uid')
    .execute();
  return rows.map(referenceOf);
}

function referenceOf(row: {
  sop_class_uid: string;
  sop_instance_uid: string;
  series_instance_uid: string;
}): ClaimedCase['previousSr'][number] {
  return {
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
  };
}

/**
 * The report that a delivery carries, as the report stage wrote it, and the newest report of an earlier revision that its destination has taken.
 * @throws TriageError `not-found`
 */
export async function reportOfDelivery(
  { db }: StoreContext,
  id: number,
): Promise<{ report: ResultObject; predecessor: ClaimedCase['previousSr'][number] | null }> {
  const sent = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .select('deliveries.destination')
    .where('deliveries.id', '=', id)
    .executeTakeFirst();
  const report = await db
    .selectFrom('result_objects')
    .selectAll()
    .where('sop_instance_uid', '=', sent?.form_of ?? sent?.sop_instance_uid ?? '')
    .executeTakeFirst();
  if (sent === undefined || report === undefined) throw new TriageError('not-found', `There is no delivery ${id}.`);
  const before = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .where('deliveries.destination', '=', sent.destination)
    .where('deliveries.sent_at', 'is not', null)
    .where('result_objects.study_instance_uid', '=', sent.study_instance_uid)
    .where('result_objects.kind', '=', 'sr')
    .where('result_objects.revision', '<', sent.revision)
    .orderBy('result_objects.revision', 'desc')
    .orderBy('deliveries.sent_at', 'desc')
    .orderBy('result_objects.sop_instance_uid')
    .limit(1)
    .executeTakeFirst();
  return { report: resultObjectOf(report), predecessor: before === undefined ? null : referenceOf(before) };
}

/**
 * What a delivery replaces at its destination: results of earlier revisions that it has and that no note has rejected yet, and the report that replaces them.
 * Null where there is nothing, or the destination wants no notes.
 */
export async function replacedBy(
  { db, options }: StoreContext,
  id: number,
): Promise<{ report: ResultObject; replaced: ResultObject[] } | null> {
  const delivery = await deliveryAndObject(db, id);
  if (options.wishes.get(delivery.destination)?.rejectReplaced !== true) return null;
  const known = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .where('deliveries.destination', '=', delivery.destination)
    .where('result_objects.study_instance_uid', '=', delivery.study_instance_uid)
    .where((row) => row.or([row('deliveries.sent_at', 'is not', null), row('result_objects.kind', '=', 'ko')]))
    .orderBy('result_objects.revision')
    .orderBy('deliveries.id')
    .execute();
  // A note rejects everything before its own revision.
  const noted = Math.max(0, ...known.filter(({ kind }) => kind === 'ko').map(({ revision }) => revision));
  const replaced = known.filter(
    ({ kind, revision }) => kind !== 'ko' && revision >= noted && revision < delivery.revision,
  );
  const report = await db
    .selectFrom('result_objects')
    .selectAll()
    .where('study_instance_uid', '=', delivery.study_instance_uid)
    .where('revision', '=', delivery.revision)
    .where('kind', '=', 'sr')
    .where('form_of', 'is', null)
    .executeTakeFirst();
  return report === undefined || replaced.length === 0
    ? null
    : { report: resultObjectOf(report), replaced: replaced.map(resultObjectOf) };
}

/** Puts a rejection note into the outbox, for the destination of the delivery that replaces what it rejects. @throws TriageError `not-found` */
export async function addNote(context: StoreContext, id: number, note: ResultObject): Promise<void> {
  await write(context, async (trx, touched) => {
    const { destination, revision } = await deliveryAndObject(trx, id);
    const now = context.clock.now();
    await putObject(trx, note, { revision, formOf: null, now });
    await putDelivery(trx, note.sopInstanceUid, destination, now);
    touched.add(note.studyInstanceUid);
  });
}

async function deliveryAndObject(db: Kysely<Schema>, id: number) {
  const delivery = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(['deliveries.destination', 'result_objects.study_instance_uid', 'result_objects.revision'])
    .where('deliveries.id', '=', id)
    .executeTakeFirst();
  if (delivery === undefined) throw new TriageError('not-found', `There is no delivery ${id}.`);
  return delivery;
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

/** Deliveries of a destination with what delivery needs of their object and case; none of a case that is held or being removed. */
export function deliveriesOf(context: StoreContext, destination: string) {
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
    .select([
      'deliveries.id',
      'deliveries.attempts',
      'deliveries.status',
      'deliveries.last_error',
      'deliveries.sent_at',
      'deliveries.sends',
      'deliveries.receipt',
      'cases.patient_id',
      'cases.accession_number',
    ])
    .where('deliveries.destination', '=', destination)
    .where('cases.quarantine_reason', 'is', null)
    .where('cases.removing', '=', 0);
}

type DeliveryRow = Awaited<ReturnType<ReturnType<typeof deliveriesOf>['execute']>>[number];

export function dueDelivery(destination: string, row: DeliveryRow): DueDelivery {
  return {
    id: row.id,
    destination,
    object: resultObjectOf(row),
    caseRevision: row.revision,
    attempts: row.attempts,
    lastError: row.last_error,
    patientId: row.patient_id,
    accessionNumber: row.accession_number,
    state: row.status === 'sent' || row.status === 'confirmed' ? row.status : 'pending',
  };
}

function resultObjectOf(row: Selectable<Schema['result_objects']>): ResultObject {
  return {
    kind: row.kind,
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
    studyInstanceUid: row.study_instance_uid,
    transferSyntaxUid: row.transfer_syntax_uid,
    path: row.path,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    ...(row.is_heatmap === 1 ? { isHeatmap: true } : {}),
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
    if (outcome.kind === 'confirmed' || outcome.kind === 'no-sr-class') await settle(trx, row, now);
    touched.add(row.study_instance_uid);
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

/** Puts the report in another SR class into the outbox, for the one destination that asked for it. */
async function addForm(
  trx: Transaction<Schema>,
  { sop_instance_uid, destination, revision }: RecordedDelivery,
  object: ResultObject,
  now: number,
): Promise<void> {
  const { form_of } = await trx
    .selectFrom('result_objects')
    .select('form_of')
    .where('sop_instance_uid', '=', sop_instance_uid)
    .executeTakeFirstOrThrow();
  await putObject(trx, object, { revision, formOf: form_of ?? sop_instance_uid, now });
  await putDelivery(trx, object.sopInstanceUid, destination, now);
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
  });
}

/** Closes, with the reason on record, what still waits for destinations that are retired. Returns how many deliveries. */
export async function closeRetired(context: StoreContext, destinations: readonly string[]): Promise<number> {
  if (destinations.length === 0) return 0;
  return write(context, async (trx, touched) => {
    const waiting = await trx
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .select(['deliveries.id', 'deliveries.destination', 'result_objects.study_instance_uid'])
      .where('deliveries.destination', 'in', destinations)
      .where('deliveries.status', 'in', ['pending', 'sent', 'refused'])
      .execute();
    for (const { id } of waiting)
      await trx
        .updateTable('deliveries')
        .set({ status: 'closed', last_status: 'retired' satisfies ClosedCause })
        .where('id', '=', id)
        .execute();
    const now = context.clock.now();
    for (const study of new Set(waiting.map((one) => one.study_instance_uid))) {
      const row = (await caseRow(trx, study))!;
      const from = new Set(waiting.filter((one) => one.study_instance_uid === study).map((one) => one.destination));
      for (const destination of from)
        await appendEvent(trx, {
          studyInstanceUid: study,
          revision: row.revision,
          at: now,
          type: 'deliveryClosed',
          from: row.state,
          to: row.state,
          actor: 'odontoid',
          detail: { destination, reason: `${destination} is retired` },
        });
      await settle(trx, row, now);
      touched.add(study);
    }
    return waiting.length;
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
    .set({ status: 'pending', next_attempt_at: request.at, attempts: 0, sends: 0, confirmed_at: null })
    .where((delivery) =>
      delivery.or([
        delivery('status', 'in', which.statuses),
        // Somebody may have taught the destination to take reports.
        delivery.and([delivery('status', '=', 'closed'), delivery('last_status', '=', 'no-sr-class')]),
      ]),
    )
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
