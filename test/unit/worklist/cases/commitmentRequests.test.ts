import { expect, test } from 'vitest';
import { createCommitmentRequests } from '../../../../src/worklist/cases/commitmentRequests.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';
import { instanceOf, openWorklist } from '../fixture.ts';

const HOUR_MS = 3_600_000;
const reference = (number: number) => ({ sopClassUid: `1.2.${number}`, sopInstanceUid: `2.25.${number}` });
const request = (sourceAeTitle: string, transaction: number, ...numbers: number[]) => ({
  sourceAeTitle,
  calledAeTitle: 'ODONTOID',
  transactionUid: `2.25.900.${transaction}`,
  references: numbers.map(reference),
});

async function open() {
  const worklist = await openWorklist();
  return { ...worklist, queue: createCommitmentRequests(worklist.database, worklist.clock) };
}

test('requests wait, each sender for itself, until their report is taken; the same transaction again is one', async () => {
  const { queue, clock } = await open();
  const [first, second, other] = [request('CT1', 1, 11), request('CT1', 2, 12, 13), request('CT2', 1, 14)];
  for (const one of [first, second, other]) await queue.note(one);
  expect(await queue.due(10)).toMatchObject([[first, second], [other]]);
  expect(await queue.due(1)).toMatchObject([[first], [other]]);
  await queue.note({ ...first, references: [reference(15)] });
  expect((await queue.due(10))[0]).toHaveLength(2);
  await queue.close(first);
  await queue.noteFailed(other, 'nobody listens');
  expect(await queue.due(10)).toMatchObject([[second]]);
  expect(await queue.status('CT2')).toEqual({ waiting: 1, lastError: 'nobody listens' });
  expect(await queue.status('CT1')).toEqual({ waiting: 1, lastError: null });
  clock.advance(10_000);
  expect(await queue.due(10)).toMatchObject([[second], [{ ...other, attempts: 1 }]]);
});

test('a report that is not taken is tried less and less, at least every hour and a quarter', async () => {
  const { queue, clock } = await open();
  const one = request('CT1', 1, 11);
  await queue.note(one);
  const waits: number[] = [];
  for (let attempt = 0; attempt < 14; attempt++) {
    await queue.noteFailed(one, 'nobody listens');
    const from = clock.now();
    while ((await queue.due(1)).length === 0) clock.advance(1_000);
    waits.push(clock.now() - from);
  }
  expect(waits[0]).toBeLessThan(7_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1.25 * HOUR_MS);
  expect(Math.min(...waits.slice(-3))).toBeGreaterThanOrEqual(0.75 * HOUR_MS);
});

test('what is on record is found by its instance alone, except for a study that is being removed', async () => {
  const { queue, store, database } = await open();
  const [here, going] = [instanceOf({ study: 1, number: 1 }), instanceOf({ study: 2, number: 1 })];
  await store.recordInstances([here, going]);
  const references = [here, going].map(({ header }) => ({ sopClassUid: 'any', sopInstanceUid: header.sopInstanceUid }));
  await inTransaction(database.db, (trx) =>
    trx
      .updateTable('cases')
      .set({ removing: 1 })
      .where('study_instance_uid', '=', going.header.studyInstanceUid)
      .execute(),
  );
  expect(await queue.recorded([...references, reference(77)])).toEqual([
    {
      sopClassUid: here.header.sopClassUid,
      sopInstanceUid: here.header.sopInstanceUid,
      path: here.path,
      sizeBytes: here.sizeBytes,
    },
  ]);
});
