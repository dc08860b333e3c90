import type { Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import {
  isPatientStated,
  type MessageIdentity,
  type MessageOutcome,
  type OrderNotice,
} from '../../case/hospitalMessage.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { write, type StoreContext } from './storeContext.ts';
import { isTaken, remember } from './takenMessages.ts';
import { endUrgentByOrder, keptOrders, setUrgentByOrder } from './urgency.ts';

/** An urgent order whose images have not come after this long is not waited for any more. */
const KEPT_MS = 30 * 86_400_000;

/**
 * Takes what orders say of the urgency of studies: one that is urgent marks its study, now or when its images come; one that is cancelled, or is not urgent any
 * more, takes back what an order has set. All of a message, or nothing of it.
 *
 * @throws TriageError `message-unusable`: an urgent order of a study that is of another patient here
 */
export async function takeOrders(
  context: StoreContext,
  message: MessageIdentity,
  orders: readonly OrderNotice[],
): Promise<MessageOutcome> {
  return write(context, async (trx, touched) => {
    if (await isTaken(trx, message)) return { kind: 'known', changed: [] };
    const at = context.clock.now();
    let isKept = false;
    let isFound = false;
    for (const order of orders) {
      const rows = await studiesOrdered(trx, order);
      isFound ||= rows.length > 0;
      if (order.isUrgent) {
        await keep(trx, order, at);
        isKept = true;
      } else if (await forget(trx, order)) isKept = true;
      for (const row of rows) {
        const change = order.isUrgent ? setUrgentByOrder : endUrgentByOrder;
        if (await change(trx, row, at)) touched.add(row.study_instance_uid);
      }
    }
    if (isKept || touched.size > 0) await remember(trx, message, at);
    return { kind: isFound ? 'taken' : isKept ? 'kept' : 'no-study', changed: [...touched] };
  });
}

/** The studies here that an order is for: of its accession number and its patient. */
async function studiesOrdered(
  trx: Transaction<Schema>,
  { accessionNumber, patientIds, isUrgent }: OrderNotice,
): Promise<CaseRow[]> {
  if (patientIds.length === 0) throw new TriageError('message-unusable', 'PID-3 does not name the patient.');
  if (accessionNumber === '') throw new TriageError('message-unusable', 'It states no accession number.');
  const rows = await trx
    .selectFrom('cases')
    .selectAll()
    .where('accession_number', '=', accessionNumber)
    .where('proof', '=', 0)
    .where('removing', '=', 0)
    .execute();
  const ordered = rows.filter((row) =>
    isPatientStated({ patientId: row.patient_id, issuerOfPatientId: row.issuer_of_patient_id }, patientIds),
  );
  if (isUrgent && rows.length > 0 && ordered.length === 0)
    throw new TriageError('message-unusable', 'The study that it means is of another patient here: nothing is set.');
  return ordered;
}

async function keep(trx: Transaction<Schema>, { accessionNumber, patientIds }: OrderNotice, at: number): Promise<void> {
  await trx
    .deleteFrom('urgent_orders')
    .where('ordered_at', '<', at - KEPT_MS)
    .execute();
  await trx
    .insertInto('urgent_orders')
    .values({ accession_number: accessionNumber, patient_ids: JSON.stringify(patientIds), ordered_at: at })
    .onConflict((conflict) => conflict.columns(['accession_number', 'patient_ids']).doUpdateSet({ ordered_at: at }))
    .execute();
}

/** Whether there was one. */
async function forget(trx: Transaction<Schema>, { accessionNumber, patientIds }: OrderNotice): Promise<boolean> {
  const kept = await keptOrders(trx, accessionNumber);
  const meant = kept.filter((order) =>
    order.patientIds.some(({ id, issuers }) =>
      issuers.length === 0
        ? isPatientStated({ patientId: id, issuerOfPatientId: '' }, patientIds)
        : issuers.some((issuer) => isPatientStated({ patientId: id, issuerOfPatientId: issuer }, patientIds)),
    ),
  );
  for (const { key } of meant)
    await trx
      .deleteFrom('urgent_orders')
      .where('accession_number', '=', accessionNumber)
      .where('patient_ids', '=', key)
      .execute();
  return meant.length > 0;
}
