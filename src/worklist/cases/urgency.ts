import type { Transaction } from 'kysely';
import { isPatientStated, type StatedPatientId } from '../../case/hospitalMessage.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { appendEvent, caseRow } from './storeContext.ts';

/** Who says it in the history of a case. */
const BY_ORDER = 'order in the RIS';

/** Marks a study as clinically urgent by an order. False when it is so already, or a person has said whether it is. */
export async function setUrgentByOrder(trx: Transaction<Schema>, row: CaseRow, at: number): Promise<boolean> {
  if (row.stat === 1 || row.urgent_by === 'person') return false;
  await setUrgent(trx, row, { stat: 1, urgent_by: 'order' }, BY_ORDER, at);
  return true;
}

/** Marks a study as clinically urgent by the rule that an object of it meets. It outweighs an order, whose end would not change what the rule says. */
export async function setUrgentByRule(
  trx: Transaction<Schema>,
  studyInstanceUid: string,
  rule: string,
  at: number,
): Promise<void> {
  const row = await caseRow(trx, studyInstanceUid);
  if (row === undefined || row.proof === 1 || row.urgent_by === 'person' || row.urgent_by === 'rule') return;
  await setUrgent(trx, row, { stat: 1, urgent_by: 'rule' }, `rule ${rule}`, at);
}

/** Takes back what an order has set, and nothing else. */
export async function endUrgentByOrder(trx: Transaction<Schema>, row: CaseRow, at: number): Promise<boolean> {
  if (row.stat === 0 || row.urgent_by !== 'order') return false;
  await setUrgent(trx, row, { stat: 0, urgent_by: null }, BY_ORDER, at);
  return true;
}

/** Marks a study that has just come, or whose accession number has, as the orders that came before it say. */
export async function applyKeptOrders(trx: Transaction<Schema>, studyInstanceUid: string, at: number): Promise<void> {
  const row = await caseRow(trx, studyInstanceUid);
  if (row === undefined || row.accession_number === '' || row.proof === 1) return;
  const patient = { patientId: row.patient_id, issuerOfPatientId: row.issuer_of_patient_id };
  const kept = await keptOrders(trx, row.accession_number);
  if (kept.some(({ patientIds }) => isPatientStated(patient, patientIds))) await setUrgentByOrder(trx, row, at);
}

/** Urgent orders with this accession number. */
export async function keptOrders(
  trx: Transaction<Schema>,
  accessionNumber: string,
): Promise<{ key: string; patientIds: StatedPatientId[] }[]> {
  const rows = await trx
    .selectFrom('urgent_orders')
    .select('patient_ids')
    .where('accession_number', '=', accessionNumber)
    .execute();
  return rows.map(({ patient_ids: key }) => ({ key, patientIds: JSON.parse(key) as StatedPatientId[] }));
}

async function setUrgent(
  trx: Transaction<Schema>,
  { study_instance_uid: studyInstanceUid, revision, state }: CaseRow,
  values: Pick<CaseRow, 'stat' | 'urgent_by'>,
  actor: string,
  at: number,
): Promise<void> {
  await trx.updateTable('cases').set(values).where('study_instance_uid', '=', studyInstanceUid).execute();
  const type = values.stat === 1 ? 'stat' : 'notStat';
  await appendEvent(trx, { studyInstanceUid, revision, at, type, from: state, to: state, actor });
}
