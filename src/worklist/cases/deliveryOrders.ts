import type { Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { CaseRow, ClosedCause, DeliveryStatus, Schema } from '../db/schema.ts';
import { settle } from './deliveryOutcomes.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

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
