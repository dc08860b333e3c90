import { expect, test } from 'vitest';
import type { ResultObject } from '../../../../src/case/delivery.ts';
import type { CaseStoreOptions } from '../../../../src/worklist/cases/caseStore.ts';
import { waitingResults } from '../../../../src/worklist/cases/waitingPictures.ts';
import { readLedger } from '../../../../src/worklist/list/ledger.ts';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  runSql,
  studyUid,
  toInferred,
} from '../fixture.ts';

const DAY_MS = 86_400_000;
const LATER = Number.MAX_SAFE_INTEGER;
const SIZES = { sr: 70, card: 2_400, heatmap: 800, ks: 9 };
type Kind = keyof typeof SIZES;
const ALL = { report: true, card: true, heatmaps: true, keySlices: true, onlySuspected: false, rejectReplaced: false };

function resultsOf(study: string, kinds: readonly Kind[]): ResultObject[] {
  const [sr, sc] = objectsOf(study) as [ResultObject, ResultObject];
  return kinds.map((kind, index) => ({
    ...(kind === 'sr' ? sr : sc),
    kind: kind === 'sr' || kind === 'ks' ? kind : 'sc',
    ...(kind === 'heatmap' ? { isHeatmap: true } : {}),
    ...(kind === 'sr' ? {} : { sopInstanceUid: `${sc.sopInstanceUid}.${index}` }),
    path: `/results/${study}/${kind}.dcm`,
    sizeBytes: SIZES[kind],
  }));
}

/** Two destinations, of which `dead` takes nothing. */
async function open(options: Partial<CaseStoreOptions> = {}) {
  const worklist = await openWorklist({
    destinations: ['alive', 'dead'],
    wishes: new Map(['alive', 'dead'].map((name) => [name, ALL])),
    ...options,
  });
  const { store, clock, query, database } = worklist;
  const deliver = async (destination: string) => {
    for (const { id, state } of await store.dueDeliveries(destination, 1000)) {
      if (state === 'pending') await store.recordDelivery(id, { kind: 'sent', status: '0000' });
      await store.recordDelivery(id, { kind: 'confirmed' });
    }
  };
  const report = async (name: string, probability: number, kinds: readonly Kind[]) => {
    await toInferred(worklist, name, probability);
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: resultsOf(name, kinds) });
    return studyUid(name);
  };
  /** A read study that `alive` has, and has kept for so long that it is no longer looked for there. */
  const waiting = async (name: string, probability: number, kinds: readonly Kind[]) => {
    const study = await report(name, probability, kinds);
    await deliver('alive');
    await store.markRead(study, true, 'ann');
    for (const hours of [2, 24]) {
      clock.advance(hours * 3_600_000);
      await deliver('alive');
    }
    return study;
  };
  const stateOf = async (name: string) => {
    const { results } = await query.caseDetail(studyUid(name));
    return results.flatMap(({ path, deliveries }) =>
      deliveries.map(
        ({ destination, status, lastStatus }) =>
          `${/(\w+)\.dcm$/.exec(path)![1]!} ${destination} ${status}${status === 'closed' ? ` ${lastStatus!}` : ''}`,
      ),
    );
  };
  const listed = async (cause: 'age' | 'disk' = 'disk') =>
    (await store.casesWithWaitingPictures(LATER, 100, cause)).map(({ studyInstanceUid }) => studyInstanceUid);
  return { store, clock, query, database, deliver, report, waiting, stateOf, listed };
}

test('of an unflagged case the card is given up, its report goes on waiting, and everybody is told', async () => {
  const { store, query, database, waiting, stateOf, listed, deliver } = await open();
  const study = await waiting('quiet', 0.02, ['sr', 'card']);
  const before = (await waitingResults(database.db))[0]!;
  expect(before).toMatchObject({ destination: 'dead', objects: 2, bytes: SIZES.sr + SIZES.card });
  expect(await store.waitingBytes()).toBe(SIZES.sr + SIZES.card);
  expect(await listed()).toEqual([study]);

  expect(await store.giveUpPictures(study, LATER, 'disk')).toEqual({
    paths: ['/results/quiet/card.dcm'],
    bytes: SIZES.card,
  });
  expect((await stateOf('quiet')).sort()).toEqual([
    'card alive confirmed',
    'card dead closed given-up',
    'sr alive confirmed',
    'sr dead pending',
  ]);
  expect((await query.caseDetail(study)).events.at(-1)).toMatchObject({
    type: 'deliveryClosed',
    actor: 'housekeeping',
    detail: { destination: 'dead', reason: expect.stringContaining('the report still goes there') as string },
  });
  expect([await store.waitingBytes(), await listed(), await store.giveUpPictures(study, LATER, 'disk')]).toEqual([
    SIZES.sr,
    [],
    null,
  ]);
  expect(await waitingResults(database.db, 'dead')).toEqual([{ ...before, objects: 1, bytes: SIZES.sr }]);

  // Nobody is told that the card is here.
  expect((await query.heldObjects(study, { withHeatmaps: true })).map(({ path }) => path)).not.toContain(
    '/results/quiet/card.dcm',
  );
  const { studies } = await query.heldStudies({ studyInstanceUids: [study] }, { offset: 0, limit: 5 });
  expect(studies).toMatchObject([{ instanceCount: 4 }]);
  const asked: string[] = [];
  await readLedger(database, (_kind, path) => {
    asked.push(path);
    return Promise.resolve(null);
  });
  expect(asked.filter((path) => path.startsWith('/results'))).toEqual(['/results/quiet/sr.dcm']);

  // The destination is back: the case ends as delivered.
  await deliver('dead');
  expect((await query.caseDetail(study)).row.state).toBe('delivered');
});

test('of a flagged case only heatmaps and the key slices are given up', async () => {
  const { store, waiting, stateOf } = await open();
  const study = await waiting('loud', 0.97, ['sr', 'card', 'heatmap', 'ks']);
  expect(await store.giveUpPictures(study, LATER, 'disk')).toMatchObject({ bytes: SIZES.heatmap + SIZES.ks });
  expect((await stateOf('loud')).filter((line) => line.includes('dead')).sort()).toEqual([
    'card dead pending',
    'heatmap dead closed given-up',
    'ks dead closed given-up',
    'sr dead pending',
  ]);
});

test.each<[string, (opened: Awaited<ReturnType<typeof open>>) => Promise<unknown>]>([
  ['is unread', ({ report }) => report('x', 0.02, ['sr', 'card'])],
  [
    'was confirmed elsewhere lately, and may turn out to be lost',
    async ({ report, deliver, store }) => {
      await store.markRead(await report('x', 0.02, ['sr', 'card']), true, 'ann');
      await deliver('alive');
    },
  ],
  [
    'stands for the report at a destination that takes no report',
    async ({ waiting, store }) => {
      await waiting('x', 0.02, ['sr', 'card']);
      const { id } = (await store.dueDeliveries('dead', 9)).find(({ object }) => object.kind === 'sr')!;
      await store.recordDelivery(id, { kind: 'no-sr-class', status: 'context-rejected', reason: 'takes none' });
    },
  ],
  [
    'is held',
    async ({ waiting, store }) => {
      await waiting('x', 0.02, ['sr', 'card']);
      await store.recordInstances([instanceOf({ study: 'x', number: 1, content: 'b' })]);
      await store.markRead(studyUid('x'), true, 'ann');
    },
  ],
  [
    'is analysed anew',
    async ({ waiting, store }) => {
      const study = await waiting('x', 0.02, ['sr', 'card']);
      for (const { id } of await store.dueDeliveries('dead', 9))
        await store.recordDelivery(id, { kind: 'sent', status: '0000' });
      await store.reprocess(study, { actor: 'ann', reason: 'again' });
      await store.markRead(studyUid('x'), true, 'ann');
    },
  ],
])('a card is kept that %s', async (_what, become) => {
  const opened = await open();
  await become(opened);
  expect(await opened.listed()).toEqual([]);
  expect(await opened.store.giveUpPictures(studyUid('x'), LATER, 'disk')).toBeNull();
});

test('a case whose refused picture was all that was missing is delivered', async () => {
  const { store, query, waiting } = await open();
  const study = await waiting('almost', 0.02, ['sr', 'card']);
  for (const { id, object } of await store.dueDeliveries('dead', 9)) {
    if (object.kind === 'sc')
      await store.recordDelivery(id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
    else {
      await store.recordDelivery(id, { kind: 'sent', status: '0000' });
      await store.recordDelivery(id, { kind: 'confirmed' });
    }
  }
  expect((await query.caseDetail(study)).row.state).toBe('reported');
  expect(await store.giveUpPictures(study, LATER, 'disk')).toMatchObject({ bytes: SIZES.card });
  expect((await query.caseDetail(study)).row.state).toBe('delivered');
});

test('what waits only since the limit is kept', async () => {
  const { store, clock, waiting, database } = await open();
  const study = await waiting('new', 0.02, ['sr', 'card']);
  // The case itself received nothing since.
  const sinceMs = clock.now();
  await runSql(database, "update deliveries set created_at = ? where destination = 'dead'", sinceMs);
  expect(await store.giveUpPictures(study, sinceMs, 'disk')).toBeNull();
  expect(await store.giveUpPictures(study, sinceMs + 1, 'disk')).not.toBeNull();
});

test('a card that is written anew is on record again, and goes to whom it was given up for', async () => {
  const { store, clock, waiting, stateOf } = await open();
  const study = await waiting('again', 0.02, ['sr', 'card']);
  await store.giveUpPictures(study, LATER, 'disk');
  clock.advance(DAY_MS);
  await store.reprocess(study, { actor: 'ann', reason: 'the destination is back' });
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.02) });
  await store.apply(await claimed(store, 'report'), {
    type: 'reported',
    objects: resultsOf('again', ['sr', 'card']),
  });
  expect((await stateOf('again')).filter((line) => line.includes('dead')).sort()).toEqual([
    'card dead pending',
    'sr dead pending',
  ]);
  expect(await store.waitingBytes()).toBe(SIZES.sr + SIZES.card);
});
