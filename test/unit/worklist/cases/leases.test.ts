import { expect, it, onTestFinished } from 'vitest';
import type { CaseEvent } from '../../../../src/case/caseState.ts';
import type { ClaimedCase, StageName } from '../../../../src/case/claim.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { claimed, findingsOf, instanceOf, manifestOf, objectsOf, openWorklist, studyUid } from '../fixture.ts';

const STAGES = ['assemble', 'infer', 'report'] as const satisfies StageName[];
/** That of `claimed`. */
const LEASE_MS = 60_000;

/** What each stage reports of the study. */
const EVENTS: Readonly<Record<StageName, (claim: ClaimedCase) => CaseEvent>> = {
  assemble: ({ instances }) => ({ type: 'seriesChosen', manifest: manifestOf(instances) }),
  infer: () => ({ type: 'inferred', findings: findingsOf(0.8) }),
  report: ({ record }) => ({ type: 'reported', objects: objectsOf(1, record.revision) }),
};

/** Starts of two nodes on one database, each on a connection of its own; a study that has come is ready to be assembled. */
async function twoNodes() {
  const { place, clock, store, query } = await openWorklist();
  await store.recordInstances([1, 2, 3].map((number) => instanceOf({ number })));
  await store.nudgeComplete([studyUid(1)]);
  const start = async (nodeName: string) => {
    const database = await openDatabase(place);
    onTestFinished(() => database.close());
    const own = createCaseStore(database, clock, { nodeName, destinations: ['pacs'] });
    return { store: own, ended: await own.endEarlierLeases() };
  };
  /** Brings the study to where `stage` is due. */
  const until = async (stage: StageName) => {
    for (const earlier of STAGES.slice(0, STAGES.indexOf(stage))) {
      const claim = await claimed(store, earlier);
      expect(await store.apply(claim, EVENTS[earlier](claim))).toBe('applied');
    }
  };
  return { clock, query, start, until };
}

it.each(STAGES)('a node that dies in %s loses the case when its lease runs out, not before', async (stage) => {
  const { clock, query, start, until } = await twoNodes();
  await until(stage);
  const { store: dying } = await start('north');
  const lost = await claimed(dying, stage);

  const { store: other, ended } = await start('south');
  expect(ended).toBe(0);
  clock.advance(LEASE_MS - 1);
  expect(await other.claim(stage, LEASE_MS)).toBeNull();
  clock.advance(1);
  const taken = await claimed(other, stage);
  expect([taken.record.studyInstanceUid, taken.attempt]).toEqual([studyUid(1), 2]);

  // It only stood still, and goes on: what it did no longer counts.
  expect(await dying.heartbeat(lost, LEASE_MS)).toBe(false);
  expect(await dying.apply(lost, EVENTS[stage](lost))).toBe('stale');
  await dying.release(lost);
  // The next start of it leaves the other node its work.
  const { store: restarted, ended: endedAtRestart } = await start('north');
  expect(endedAtRestart).toBe(0);
  expect(await restarted.claim(stage, LEASE_MS)).toBeNull();
  expect(await other.apply(taken, EVENTS[stage](taken))).toBe('applied');

  for (const later of STAGES.slice(STAGES.indexOf(stage) + 1)) {
    const claim = await claimed(restarted, later);
    expect(await restarted.apply(claim, EVENTS[later](claim))).toBe('applied');
  }
  const { events, results } = await query.caseDetail(studyUid(1));
  expect(events.map(({ type }) => type)).toEqual(['instanceReceived', 'seriesChosen', 'inferred', 'reported']);
  expect(results).toHaveLength(objectsOf(1).length);
});

it.each(STAGES)(
  'a start in %s ends the leases of earlier starts of its node at once, and its own never',
  async (stage) => {
    const { start, until } = await twoNodes();
    await until(stage);
    const { store: first } = await start('north');
    const lost = await claimed(first, stage);
    const { store: second, ended } = await start('north');
    expect(ended).toBe(1);
    const taken = await claimed(second, stage);
    expect(taken.attempt).toBe(2);
    expect(await second.endEarlierLeases()).toBe(0);
    expect(await first.apply(lost, EVENTS[stage](lost))).toBe('stale');
    expect(await second.apply(taken, EVENTS[stage](taken))).toBe('applied');
  },
);
