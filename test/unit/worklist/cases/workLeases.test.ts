import { expect, it, onTestFinished } from 'vitest';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { deliveringTo } from '../../../../src/worklist/cases/workLeases.ts';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { onPostgres } from '../../../postgres/copiedDatabase.ts';
import { openWorklist, runSql, studyUid, toReported } from '../fixture.ts';

const LEASE_MS = 60_000;
const SENDING = deliveringTo('pacs');

/** Starts of nodes on one worklist, each on a connection of its own. */
async function nodes() {
  const worklist = await openWorklist();
  const { place, clock } = worklist;
  const start = async (nodeName: string) => {
    const database = await openDatabase(place);
    onTestFinished(() => database.close());
    const store = createCaseStore(database, clock, { nodeName, destinations: ['pacs', 'archive'] });
    await store.endEarlierLeases();
    return store;
  };
  /** The lease has run out; on PostgreSQL by the server's clock, which no test sets. */
  const runOut = (work: string) =>
    runSql(worklist.database, 'update work_leases set held_until = 1 where work = ?', work);
  return { worklist, start, runOut };
}

it('work belongs to one node, by its name, until its lease runs out', async () => {
  const { start, runOut } = await nodes();
  const [north, south] = [await start('north'), await start('south')];
  expect(await Promise.all([north.takeLease(SENDING, LEASE_MS), south.takeLease('watch', LEASE_MS)])).toEqual([
    true,
    true,
  ]);
  expect([await south.takeLease(SENDING, LEASE_MS), await north.takeLease(SENDING, LEASE_MS)]).toEqual([false, true]);
  expect(await south.renewLeases([SENDING, 'watch', 'nothing'], LEASE_MS)).toEqual(['watch']);
  await runOut(SENDING);
  expect(await south.takeLease(SENDING, LEASE_MS)).toBe(true);
  expect([await north.takeLease(SENDING, LEASE_MS), await north.renewLeases([SENDING], LEASE_MS)]).toEqual([false, []]);
});

// On PostgreSQL by the server's clock.
it.skipIf(onPostgres())('a lease lasts to its millisecond, and as long again from when it was renewed', async () => {
  const { start, worklist } = await nodes();
  const [north, south] = [await start('north'), await start('south')];
  await north.takeLease(SENDING, LEASE_MS);
  worklist.clock.advance(LEASE_MS - 1);
  expect(await south.takeLease(SENDING, LEASE_MS)).toBe(false);
  expect(await north.renewLeases([SENDING], LEASE_MS)).toEqual([SENDING]);
  worklist.clock.advance(LEASE_MS - 1);
  expect(await south.takeLease(SENDING, LEASE_MS)).toBe(false);
  worklist.clock.advance(1);
  expect(await south.takeLease(SENDING, LEASE_MS)).toBe(true);
});

it('two nodes that reach for work at once: one gets it', async () => {
  const { start } = await nodes();
  const both = [await start('north'), await start('south')];
  for (const work of ['a', 'b', 'c', 'd', 'e']) {
    const taken = await Promise.all(both.map((node) => node.takeLease(work, LEASE_MS)));
    expect([...taken].sort(), work).toEqual([false, true]);
  }
});

it('a lease that was late is renewed where nobody has taken it', async () => {
  const { start, runOut } = await nodes();
  const north = await start('north');
  await north.takeLease(SENDING, LEASE_MS);
  await runOut(SENDING);
  expect(await north.renewLeases([SENDING], LEASE_MS)).toEqual([SENDING]);
  expect(await (await start('south')).takeLease(SENDING, LEASE_MS)).toBe(onPostgres() ? false : true);
});

it('a start ends what earlier starts of its node held, and what is given back is free', async () => {
  const { start } = await nodes();
  await (await start('north')).takeLease(SENDING, LEASE_MS);
  const restarted = await start('north');
  expect(await restarted.takeLease(SENDING, LEASE_MS)).toBe(true);
  const south = await start('south');
  await restarted.takeLease(SENDING, LEASE_MS);
  await restarted.endLeases();
  expect(await south.takeLease(SENDING, LEASE_MS)).toBe(true);
});

it('what a node that lost a destination still says of it does not count', async () => {
  const { worklist, start, runOut } = await nodes();
  const north = await start('north');
  await north.takeLease(SENDING, LEASE_MS);
  await toReported(worklist, 1, 0.9);
  const [first, second] = await north.dueDeliveries('pacs', 10);
  expect(await north.recordDelivery(first!.id, { kind: 'sent', status: '0x0000' })).toBe('recorded');
  const south = await start('south');
  await runOut(SENDING);
  await south.takeLease(SENDING, LEASE_MS);
  const stateOf = async (id: number) => (await south.dueDeliveries('pacs', 10)).find((due) => due.id === id)?.state;
  expect(await south.recordDelivery(first!.id, { kind: 'confirmed' })).toBe('recorded');
  for (const outcome of [{ kind: 'sent', status: '0x0000' } as const, { kind: 'retry', reason: 'cut off' } as const])
    for (const { id } of [first!, second!]) expect(await north.recordDelivery(id, outcome)).toBe('stale');
  expect([await stateOf(first!.id), await stateOf(second!.id)]).toEqual([undefined, 'pending']);
  const { row } = await worklist.query.caseDetail(studyUid(1));
  expect(row.deliveries.filter(({ status }) => status !== 'pending').map(({ status }) => status)).toEqual([
    'confirmed',
  ]);
});

it('a destination that gets another name stays with the node that sends there', async () => {
  const { worklist, start } = await nodes();
  const [north, south] = [await start('north'), await start('south')];
  await north.takeLease(SENDING, LEASE_MS);
  await worklist.store.renameDestination('pacs', 'archive');
  expect(await south.takeLease(deliveringTo('archive'), LEASE_MS)).toBe(false);
  expect([await north.renewLeases([SENDING], LEASE_MS), await south.takeLease(SENDING, LEASE_MS)]).toEqual([[], true]);
});
