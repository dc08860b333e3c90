import { describe, expect, it, onTestFinished } from 'vitest';
import type { CaseEvent } from '../../../../src/case/caseState.ts';
import type { ClaimedCase, StageName } from '../../../../src/case/claim.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { onPostgres } from '../../../postgres/copiedDatabase.ts';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  passOfLeases,
  studyUid,
} from '../fixture.ts';

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
  const { place, clock, database: shared, store, query } = await openWorklist();
  await store.recordInstances([1, 2, 3].map((number) => instanceOf({ number })));
  await store.nudgeComplete([studyUid(1)]);
  const start = async (nodeName: string) => {
    const database = await openDatabase(place);
    onTestFinished(() => database.close());
    const own = createCaseStore(database, clock, { nodeName, destinations: ['pacs'] });
    return { store: own, ended: await own.endEarlierLeases() };
  };
  /** Brings so many studies to where `stage` is due. */
  const until = async (stage: StageName, studies = 1) => {
    for (const earlier of STAGES.slice(0, STAGES.indexOf(stage)))
      for (let study = 0; study < studies; study++) {
        const claim = await claimed(store, earlier);
        expect(await store.apply(claim, EVENTS[earlier](claim))).toBe('applied');
      }
  };
  const pass = (ms: number) => passOfLeases({ database: shared, clock }, ms);
  return { clock, query, store, start, until, pass };
}

it.each(STAGES)('a node that dies in %s loses the case when its lease runs out, not before', async (stage) => {
  const { clock, query, start, until, pass } = await twoNodes();
  await until(stage);
  const { store: dying } = await start('north');
  const lost = await claimed(dying, stage);

  const { store: other, ended } = await start('south');
  expect(ended).toBe(0);
  // Another machine's clock ends no lease.
  if (onPostgres()) clock.advance(10 * LEASE_MS);
  await pass(LEASE_MS / 2);
  expect(await other.claim(stage, LEASE_MS)).toBeNull();
  await pass(LEASE_MS / 2);
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

it('nodes that take cases at the same time take each once, and together all', async () => {
  const { start, until, store } = await twoNodes();
  await store.recordInstances([2, 3, 4, 5, 6].map((study) => instanceOf({ study })));
  await store.nudgeComplete([2, 3, 4, 5, 6].map(studyUid));
  await until('infer', 6);
  const nodes = await Promise.all(['north', 'south', 'east'].map(start));
  const taken: string[] = [];
  // One that is passed over while another transaction has it locked is found at the next look.
  for (let rounds = 0; taken.length < 6 && rounds < 6; rounds++) {
    const claims = await Promise.all(nodes.map(({ store: own }) => own.claim('infer', LEASE_MS)));
    taken.push(...claims.flatMap((claim) => claim?.record.studyInstanceUid ?? []));
  }
  expect(taken.sort()).toEqual([1, 2, 3, 4, 5, 6].map(studyUid).sort());
  for (const { store: own } of nodes) expect(await own.claim('infer', LEASE_MS)).toBeNull();
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
    expect(taken.attempt).toBe(1);
    expect(await second.endEarlierLeases()).toBe(0);
    expect(await first.apply(lost, EVENTS[stage](lost))).toBe('stale');
    expect(await second.apply(taken, EVENTS[stage](taken))).toBe('applied');
  },
);

describe('a stage that starts end in the midst of', () => {
  const AT = 'infer';

  /** Ends the node as often while it works on the study, and says which attempt it was each time, after how long a wait. */
  async function interruptions(times: number, { start, clock, query }: Awaited<ReturnType<typeof twoNodes>>) {
    const seen: { attempt: number; exhausted: boolean; waitedMs: number }[] = [];
    for (let time = 0; time < times; time++) {
      const { store } = await start('north');
      const fromMs = clock.now();
      let claim = await store.claim(AT, LEASE_MS);
      for (; claim === null; claim = await store.claim(AT, LEASE_MS)) clock.advance(500);
      seen.push({ attempt: claim.attempt, exhausted: claim.exhausted, waitedMs: clock.now() - fromMs });
    }
    expect((await query.caseDetail(studyUid(1))).row.state).toBe('assembled');
    return seen;
  }

  it('counts no attempt, is due at once, and from the second time on lets others come first', async () => {
    const nodes = await twoNodes();
    await nodes.until(AT);
    const seen = await interruptions(5, nodes);
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    expect(seen.slice(0, 2).map(({ waitedMs }) => waitedMs)).toEqual([0, 0]);
    // Doubled each time, and the same for a study each time: between three quarters and five quarters.
    for (const [index, { waitedMs }] of seen.slice(2).entries()) {
      expect(waitedMs).toBeGreaterThanOrEqual(0.75 * 4_000 * 2 ** index);
      expect(waitedMs).toBeLessThanOrEqual(1.25 * 4_000 * 2 ** index + 500);
    }
  });

  it('is given up the tenth time in a row: it may be the case that ends them', async () => {
    const nodes = await twoNodes();
    await nodes.until(AT);
    const seen = await interruptions(11, nodes);
    expect(seen.map(({ exhausted }) => exhausted)).toEqual([...Array<boolean>(10).fill(false), true]);
  });

  it('has all its attempts left once it has come further, or more images have come', async () => {
    const nodes = await twoNodes();
    await nodes.until(AT);
    await interruptions(9, nodes);
    const { store } = await nodes.start('north');
    await store.recordInstances([instanceOf({ number: 4 })]);
    await store.nudgeComplete([studyUid(1)]);
    await nodes.until(AT);
    const seen = await interruptions(3, nodes);
    expect(seen.map(({ exhausted }) => exhausted)).toEqual([false, false, false]);
    const { events } = await nodes.query.caseDetail(studyUid(1));
    expect(events.filter(({ type }) => type === 'interrupted').map(({ detail }) => detail['inARow'])).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2,
    ]);
  });
});
