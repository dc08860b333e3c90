import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { createNodeRecord, type NodeFacts } from '../../../../src/worklist/nodes/nodeRecord.ts';
import { onPostgres } from '../../../postgres/copiedDatabase.ts';
import { claimed, instanceOf, openWorklist, runSql, studyUid } from '../fixture.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';

const FULL: NodeFacts = {
  name: 'north',
  roles: ['receive', 'infer', 'deliver', 'web', 'housekeep'],
  version: '1.2.3',
  sharedDir: '/srv/odontoid',
  objectsId: 'a1',
};
const SENDER: NodeFacts = { ...FULL, name: 'south', roles: ['deliver', 'web'], version: '1.2.4' };

/** Records of nodes, each on a connection of its own to one worklist. */
async function records() {
  const { place, clock, database } = await openWorklist();
  const open = async () => {
    const own = await openDatabase(place);
    onTestFinished(() => own.close());
    return createNodeRecord<{ stored: number }>(own, clock);
  };
  /** So much time has passed; on PostgreSQL by the server's clock, which no test sets. */
  const pass = async (ms: number) => {
    if (!onPostgres()) clock.advance(ms);
    else await runSql(database, 'update nodes set seen_at = seen_at - ?', ms);
  };
  return { one: await open(), other: await open(), clock, pass };
}

it('a node is alive while it beats, and others read what it says of its work', async () => {
  const { one, other, pass } = await records();
  await one.join(FULL);
  await other.join(SENDER);
  await one.beat('north', { stored: 7 });
  await pass(9_000);
  await other.beat('south', { stored: 0 });
  expect(await other.nodes()).toEqual([
    {
      name: 'north',
      roles: FULL.roles,
      version: '1.2.3',
      startedAtMs: expect.any(Number),
      seenAtMs: expect.any(Number),
      isAlive: true,
      hasStopped: false,
      work: { stored: 7 },
    },
    expect.objectContaining({
      name: 'south',
      roles: ['deliver', 'web'],
      version: '1.2.4',
      isAlive: true,
      work: { stored: 0 },
    }),
  ]);
  const alive = async () => (await one.nodes()).filter(({ isAlive }) => isAlive).map(({ name }) => name);
  await pass(2_000);
  expect(await alive()).toEqual(['south']);
  await one.beat('north', { stored: 8 });
  expect(await alive()).toEqual(['north', 'south']);
  await other.leave('south');
  expect(await alive()).toEqual(['north']);
  expect((await one.nodes()).map(({ hasStopped }) => hasStopped)).toEqual([false, true]);
  // A start says nothing of the work before.
  await one.join(FULL);
  expect((await one.nodes())[0]).toMatchObject({ name: 'north', isAlive: true, work: null });
});

it('a node that does not receive is refused until it sees the objects where the node that receives has them', async () => {
  const { one, other, pass } = await records();
  await expect(other.join(SENDER)).rejects.toThrow('Start the one with the role receive first');
  await one.join(FULL);
  await one.leave('north');
  await pass(40 * 86_400_000);
  for (const objectsId of ['b2', null])
    await expect(other.join({ ...SENDER, objectsId })).rejects.toThrow(
      'node.sharedDir: /srv/odontoid is not the folder in which the agent north has received',
    );
  await expect(other.join({ ...SENDER, sharedDir: '/mnt/odontoid' })).rejects.toThrow(
    'the agent north has this folder at /srv/odontoid',
  );
  expect((await one.nodes()).map(({ name }) => name)).toEqual(['north']);
  await other.join(SENDER);
});

it('a node that receives elsewhere is refused beside those that work, and not once they are gone', async () => {
  const { one, other } = await records();
  await one.join(FULL);
  await other.join(SENDER);
  await one.leave('north');
  const moved = { ...FULL, name: 'east', objectsId: 'b2' };
  await expect(one.join(moved)).rejects.toThrow('in which the agent south has received');
  await other.leave('south');
  await one.join(moved);
});

it('nodes that were not heard of for a month are forgotten; by how much a clock is ahead is told', async () => {
  const { one, other, clock, pass } = await records();
  await one.join(FULL);
  await other.join(SENDER);
  await pass(31 * 86_400_000);
  const aheadMs = await one.join({ ...SENDER, name: 'west' });
  expect((await one.nodes()).map(({ name }) => name)).toEqual(['north', 'west']);
  const [west] = (await one.nodes()).slice(1);
  expect(aheadMs).toBe(clock.now() - west!.startedAtMs);
  expect(aheadMs === 0).toBe(!onPostgres());
});

it('what is in hand is told with who holds it, until the lease has run out', async () => {
  const { database, clock } = await openWorklist();
  const record = createNodeRecord(database, clock);
  const [north, south] = ['north', 'south'].map((nodeName) =>
    createCaseStore(database, clock, { nodeName, destinations: ['pacs'] }),
  );
  for (const study of [1, 2, 3]) await north!.recordInstances([instanceOf({ study })]);
  await north!.nudgeComplete([1, 2, 3].map((study) => studyUid(study)));
  expect(await record.inHand()).toEqual([]);
  for (let turn = 0; turn < 2; turn++) await claimed(north!, 'assemble');
  expect(await south!.takeLease('housekeeping', 60_000)).toBe(true);
  expect(await south!.takeLease('deliver pacs', 60_000)).toBe(true);
  expect(await north!.takeLease('fetching', 60_000)).toBe(true);
  expect(await record.inHand()).toEqual([
    { node: 'north', cases: 2, works: ['fetching'] },
    { node: 'south', cases: 0, works: ['deliver pacs', 'housekeeping'] },
  ]);
  await runSql(database, 'update cases set lease_until = ? where lease_node is not null', 1);
  await south!.endLeases();
  expect(await record.inHand()).toEqual([{ node: 'north', cases: 0, works: ['fetching'] }]);
});
