import { expect, test } from 'vitest';
import { openWorklist, studyUid, toReported } from '../fixture.ts';

const DAY_MS = 86_400_000;
const TRANSACTION = '2.25.900';

/** A report with two objects, `sr` and `sc`, which the destination has accepted, and which it is asked to commit to. */
async function open() {
  const worklist = await openWorklist();
  const { store, clock, query } = worklist;
  await toReported(worklist, 1, 0.9);
  const due = await store.dueDeliveries('pacs', 10);
  const deliveries = {
    sr: due.find(({ object }) => object.kind === 'sr')!,
    sc: due.find(({ object }) => object.kind === 'sc')!,
  };
  for (const { id } of due) await store.recordDelivery(id, { kind: 'sent', status: '0000' });
  clock.advance(1_000);
  const uid = { sr: deliveries.sr.object.sopInstanceUid, sc: deliveries.sc.object.sopInstanceUid };
  const ask = (transactionUid = TRANSACTION) =>
    store.noteCommitmentAsked({ destination: 'pacs', transactionUid, sopInstanceUids: [uid.sr, uid.sc] });
  const report = (
    said: { committed?: ('sr' | 'sc')[]; failed?: [kind: 'sr' | 'sc', reason: number | null][] },
    transactionUid = TRANSACTION,
  ) =>
    store.takeCommitmentReport(transactionUid, {
      committed: new Set((said.committed ?? []).map((kind) => uid[kind])),
      failed: new Map((said.failed ?? []).map(([kind, reason]) => [uid[kind], reason])),
    });
  /** What delivery is to record, by kind. */
  const reported = async (destination = 'pacs') =>
    (await store.reportedCommitments(destination)).map(({ transactionUid, committed, failed }) => ({
      transactionUid,
      committed: committed.map(({ object }) => object.kind),
      failed: failed.map(({ delivery, reason }) => [delivery.object.kind, reason]),
    }));
  const row = async () => (await query.caseDetail(studyUid(1))).row;
  return { ...worklist, deliveries, ask, report, reported, row };
}

test('a report waits until delivery has recorded it, and is taken once', async () => {
  const { store, ask, report, reported } = await open();
  await ask();
  expect(await reported()).toEqual([]);
  expect(await report({ committed: ['sr'], failed: [['sc', 0x0112]] })).toBe('taken');
  const waiting = [{ transactionUid: TRANSACTION, committed: ['sr'], failed: [['sc', 0x0112]] }];
  expect(await reported()).toEqual(waiting);
  expect(await reported('other')).toEqual([]);
  // The archive did not see our answer, and reports once more.
  expect(await report({ failed: [['sr', null]] })).toBe('known');
  expect(await reported()).toEqual(waiting);
  await store.settleCommitment(TRANSACTION);
  expect([await reported(), await report({ committed: ['sr'] })]).toEqual([[], 'known']);
});

test('a transaction that nobody asked for is unknown, and so is one of more than 30 days ago', async () => {
  const { clock, ask, report } = await open();
  expect(await report({ committed: ['sr'] })).toBe('unknown');
  await ask();
  clock.advance(31 * DAY_MS);
  await ask('2.25.901');
  expect(await report({ committed: ['sr'] })).toBe('unknown');
  expect(await report({ committed: ['sr'] }, '2.25.901')).toBe('taken');
});

test('a report on the same association closes its transaction', async () => {
  const { store, ask, report, reported } = await open();
  await ask();
  await store.settleCommitment(TRANSACTION);
  expect([await report({ committed: ['sr'] }), await reported()]).toEqual(['known', []]);
});

test('a late commitment counts for what a query has found, and for what it has not found', async () => {
  const { store, clock, deliveries, ask, report, reported, row } = await open();
  await ask();
  await store.recordDelivery(deliveries.sr.id, { kind: 'confirmed', receipt: 'found' });
  await store.recordDelivery(deliveries.sc.id, { kind: 'retry', reason: 'a query does not find it' });
  clock.advance(2 * DAY_MS);
  expect(await report({ committed: ['sr', 'sc'] })).toBe('taken');
  const [waiting] = await store.reportedCommitments('pacs');
  expect(waiting!.committed.map(({ object, state }) => [object.kind, state]).sort()).toEqual([
    ['sc', 'pending'],
    ['sr', 'confirmed'],
  ]);
  for (const { id } of waiting!.committed) await store.recordDelivery(id, { kind: 'confirmed', receipt: 'committed' });
  expect(await row()).toMatchObject({
    state: 'delivered',
    deliveries: [{ receipt: 'committed' }, { receipt: 'committed' }],
  });
  // Nothing new is said a second time.
  expect(await reported()).toEqual([{ transactionUid: TRANSACTION, committed: [], failed: [] }]);
});

test('neither stops what a person has sent again, nor fails what was sent again since, or is committed to', async () => {
  const { store, clock, deliveries, ask, report, reported } = await open();
  await ask();
  await ask('2.25.901');
  await store.resend(studyUid(1), { actor: 'ann', reason: 'the archive was restored' });
  await report({ committed: ['sr', 'sc'] });
  expect(await reported()).toEqual([{ transactionUid: TRANSACTION, committed: [], failed: [] }]);
  await store.settleCommitment(TRANSACTION);

  clock.advance(1_000);
  await store.recordDelivery(deliveries.sr.id, { kind: 'sent', status: '0000' });
  await store.recordDelivery(deliveries.sc.id, { kind: 'sent', status: '0000' });
  await report(
    {
      failed: [
        ['sr', 0x0112],
        ['sc', 0x0112],
      ],
    },
    '2.25.901',
  );
  expect(await reported()).toEqual([{ transactionUid: '2.25.901', committed: [], failed: [] }]);
  await store.settleCommitment('2.25.901');

  await ask('2.25.902');
  await store.recordDelivery(deliveries.sr.id, { kind: 'confirmed', receipt: 'committed' });
  await report(
    {
      failed: [
        ['sr', 0x0112],
        ['sc', null],
      ],
    },
    '2.25.902',
  );
  expect(await reported()).toEqual([{ transactionUid: '2.25.902', committed: [], failed: [['sc', null]] }]);
});

test('what a renamed destination was asked for goes on under its new name', async () => {
  const { store, ask, report, reported } = await open();
  await ask();
  await report({ committed: ['sc'] });
  await store.renameDestination('pacs', 'archive');
  expect(await reported('archive')).toEqual([{ transactionUid: TRANSACTION, committed: ['sc'], failed: [] }]);
});
