import { expect, test } from 'vitest';
import type { MessageIdentity, OrderNotice } from '../../../../src/case/hospitalMessage.ts';
import { instanceOf, openWorklist, runSql, studyUid, toInferred, type Worklist } from '../fixture.ts';

const message = (number: number): MessageIdentity => ({
  sender: 'CPOE',
  controlId: `o${number}`,
  sha256: `s${number}`,
});
const order = (isUrgent: boolean, other: Partial<OrderNotice> = {}): OrderNotice => ({
  patientIds: [{ id: 'P-1', issuers: ['HOSPITAL'] }],
  accessionNumber: 'A-1',
  studyInstanceUids: [],
  isUrgent,
  ...other,
});
const urgency = async ({ query }: Worklist) => {
  const [row] = await query.rows();
  return [row!.stat, row!.urgentBy];
};

test('an urgent order marks its scan as urgent, and only an order takes that back', async () => {
  const worklist = await openWorklist();
  const { store, query } = worklist;
  await toInferred(worklist, 1, 0.2);
  expect(await store.takeOrders(message(1), [order(true)])).toEqual({ kind: 'taken', changed: [studyUid(1)] });
  expect(await urgency(worklist)).toEqual([true, 'order']);
  expect((await query.rows())[0]!.whyBrief).toMatch(/^Clinically urgent \(STAT\), by order; /);
  expect((await query.caseDetail(studyUid(1))).events.at(-1)).toMatchObject({
    type: 'stat',
    actor: 'order in the RIS',
  });
  expect(await store.takeOrders(message(2), [order(false)])).toEqual({ kind: 'taken', changed: [studyUid(1)] });
  expect(await urgency(worklist)).toEqual([false, null]);
  // The first one once more, as a sender repeats it that has missed its answer.
  expect(await store.takeOrders(message(1), [order(true)])).toEqual({ kind: 'known', changed: [] });
  expect(await urgency(worklist)).toEqual([false, null]);
  await store.takeOrders(message(3), [order(true)]);
  await store.markStat(studyUid(1), true, 'ada');
  expect(await store.takeOrders(message(4), [order(false)])).toEqual({ kind: 'taken', changed: [] });
  expect(await urgency(worklist)).toEqual([true, 'person']);
  await store.markStat(studyUid(1), false, 'ada');
  expect(await store.takeOrders(message(5), [order(true)])).toEqual({ kind: 'taken', changed: [] });
  expect(await urgency(worklist)).toEqual([false, null]);
});

test('an order that comes before the images counts when they come, unless it was cancelled or is another patient’s', async () => {
  const worklist = await openWorklist();
  const { store, database } = worklist;
  expect(await store.takeOrders(message(1), [order(true)])).toEqual({ kind: 'kept', changed: [] });
  const of = (study: number) =>
    order(true, { accessionNumber: `A-${study}`, patientIds: [{ id: `P-${study}`, issuers: [] }] });
  await store.takeOrders(message(2), [of(2), order(true, { accessionNumber: 'A-3' })]);
  expect(await store.takeOrders(message(3), [{ ...of(2), isUrgent: false }])).toMatchObject({ kind: 'kept' });
  expect(await store.takeOrders(message(4), [{ ...of(9), isUrgent: false }])).toMatchObject({ kind: 'no-study' });
  for (const study of [1, 2, 3]) await store.recordInstances([instanceOf({ study })]);
  const urgent = await runSql<{ study_instance_uid: string }>(
    database,
    'select study_instance_uid from cases where stat = 1',
  );
  expect(urgent).toEqual([{ study_instance_uid: studyUid(1) }]);
});

test('a study whose first object lacks the accession number becomes urgent with its first slice that has it', async () => {
  const worklist = await openWorklist();
  const { store } = worklist;
  await store.takeOrders(message(1), [order(true)]);
  const first = instanceOf({ study: 1, number: 1 });
  await store.recordInstances([{ ...first, header: { ...first.header, accessionNumber: '' } }]);
  expect(await urgency(worklist)).toEqual([false, null]);
  await store.recordInstances([instanceOf({ study: 1, number: 2 })]);
  expect(await urgency(worklist)).toEqual([true, 'order']);
});

test.each<[string, Partial<OrderNotice>, string]>([
  ['of another patient', { patientIds: [{ id: 'P-2', issuers: [] }] }, 'of another patient'],
  ['of nobody', { patientIds: [] }, 'PID-3 does not name the patient'],
  ['without an accession number', { accessionNumber: '' }, 'no accession number'],
])('an urgent order %s sets nothing', async (_name, other, why) => {
  const worklist = await openWorklist();
  await toInferred(worklist, 1, 0.2);
  await expect(worklist.store.takeOrders(message(1), [order(true), order(true, other)])).rejects.toThrow(why);
  expect(await urgency(worklist)).toEqual([false, null]);
});

test('a rule marks a study as urgent with the first object that meets it; it outweighs an order, and a person both', async () => {
  const worklist = await openWorklist({
    urgentRule: ({ header }) => (header.currentPatientLocation === 'ED' ? 'from-ed' : null),
  });
  const { store, query } = worklist;
  const slice = (number: number, currentPatientLocation: string) => {
    const instance = instanceOf({ study: 1, number });
    return { ...instance, header: { ...instance.header, currentPatientLocation } };
  };
  await store.takeOrders(message(1), [order(true)]);
  await store.recordInstances([slice(1, 'WARD')]);
  expect(await urgency(worklist)).toEqual([true, 'order']);
  await store.recordInstances([slice(2, 'ED'), slice(3, 'ED')]);
  expect(await urgency(worklist)).toEqual([true, 'rule']);
  expect((await query.rows())[0]!.whyBrief).toMatch(/^Clinically urgent \(STAT\), by rule; /);
  await store.takeOrders(message(2), [order(false)]);
  expect(await urgency(worklist)).toEqual([true, 'rule']);
  const said = (await query.caseDetail(studyUid(1))).events.filter(({ type }) => type === 'stat');
  expect(said.map(({ actor }) => actor)).toEqual(['order in the RIS', 'rule from-ed']);
  await store.markStat(studyUid(1), false, 'ada');
  await store.recordInstances([slice(4, 'ED')]);
  expect(await urgency(worklist)).toEqual([false, null]);
});
