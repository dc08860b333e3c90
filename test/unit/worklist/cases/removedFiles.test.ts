import { expect, test } from 'vitest';
import { removedStudies } from '../../../../src/worklist/cases/removedCases.ts';
import { createCommitmentRequests } from '../../../../src/worklist/cases/commitmentRequests.ts';
import { createWatchedArchives } from '../../../../src/worklist/cases/watchedArchives.ts';
import { readLedger } from '../../../../src/worklist/list/ledger.ts';
import { createAuditLog } from '../../../../src/worklist/audit/audit.ts';
import type { CaseStoreOptions } from '../../../../src/worklist/cases/caseStore.ts';
import {
  claimed,
  findingsOf,
  ENCODED_SLICE,
  instanceOf,
  objectsOf,
  openWorklist,
  studyUid,
  toReported,
} from '../fixture.ts';

const DAY_MS = 86_400_000;
const LATER = Number.MAX_SAFE_INTEGER;

/** Two destinations, of which `dead` takes nothing. */
async function open(options: Partial<CaseStoreOptions> = {}) {
  const worklist = await openWorklist({ destinations: ['alive', 'dead'], ...options });
  const { store, query, database } = worklist;
  const deliver = async (destination: string) => {
    for (const { id } of await store.dueDeliveries(destination, 1000)) {
      await store.recordDelivery(id, { kind: 'sent', status: '0000' });
      await store.recordDelivery(id, { kind: 'confirmed' });
    }
  };
  /** A reported study that `alive` has. */
  const waiting = async (name: string, probability = 0.9) => {
    await toReported(worklist, name, probability);
    await deliver('alive');
    return studyUid(name);
  };
  const freeable = async (cause: 'age' | 'disk' = 'age') =>
    (await store.freeableCases(LATER, 100, cause)).map(({ studyInstanceUid }) => studyInstanceUid);
  const detail = (name: string) => query.caseDetail(studyUid(name));
  const received = () => database.db.selectFrom('instances').select('path').execute();
  return { ...worklist, deliver, waiting, freeable, detail, received };
}

test('the received files of a read case go off the record in one step, and what waits is delivered all the same', async () => {
  const { store, clock, database, waiting, freeable, deliver, detail, received } = await open();
  const study = await waiting('waits');
  expect(await freeable()).toEqual([]);
  await store.markRead(study, true, 'ann');
  clock.advance(DAY_MS);
  expect(await store.freeFiles(study, LATER, 'disk')).toBe(true);

  expect(await received()).toEqual([]);
  expect(await store.filesToDelete(10)).toEqual(
    [1, 2, 3].map((number) => instanceOf({ study: 'waits', number }).path).sort(),
  );
  expect([...(await store.knownPaths())].sort()).toEqual(await store.filesToDelete(10));
  expect(await detail('waits')).toMatchObject({
    row: { state: 'reported', revision: 1, decision: 'suspected' },
    volume: null,
    filesRemoved: { atMs: clock.now(), cause: 'disk', objects: 3 },
    instances: { received: 0 },
  });
  expect((await detail('waits')).events.at(-1)).toMatchObject({
    type: 'filesRemoved',
    detail: { cause: 'disk', objects: 3 },
  });
  const [entry] = await createAuditLog(database, clock).page({ action: 'study.filesRemoved' }, 2);
  expect(entry).toMatchObject({ target: study, detail: { cause: 'disk', read: true, state: 'reported' } });
  // Once only.
  expect([await freeable(), await store.freeFiles(study, LATER, 'disk')]).toEqual([[], false]);

  await deliver('dead');
  expect((await detail('waits')).row.state).toBe('delivered');
  await store.noteDeleted(await store.filesToDelete(10));
  await store.beginRemoval(study, LATER);
  expect(await store.finishRemoval(study)).toBe(true);
  // What was deleted before counts among what was removed.
  expect((await removedStudies(database.db, 1)).studies[0]).toMatchObject({ objects: 3, results: 2, sizeBytes: 4000 });
});

test('lists read cases, unflagged ones first, and nothing unread that is flagged or was not analysed, however old', async () => {
  const { store, waiting, freeable, deliver } = await open();
  const names = ['flagged read', 'unflagged read', 'flagged unread', 'unflagged unread'] as const;
  for (const name of names) {
    await waiting(name, name.startsWith('flagged') ? 0.93 : 0.04);
    if (name.endsWith(' read')) await store.markRead(studyUid(name), true, 'ann');
  }
  for (const name of ['unanalysed read', 'unanalysed unread']) {
    await store.recordInstances([instanceOf({ study: name })]);
    await store.nudgeComplete([studyUid(name)]);
    await store.apply(await claimed(store, 'assemble'), {
      type: 'notEligible',
      series: [],
      findings: findingsOf(null),
    });
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(name) });
    await deliver('alive');
    if (name.endsWith(' read')) await store.markRead(studyUid(name), true, 'ann');
  }
  const uids = (...these: string[]) => these.map(studyUid);
  expect((await freeable('disk'))[0]).toBe(studyUid('unflagged read'));
  expect((await freeable('disk')).sort()).toEqual(uids('unflagged read', 'flagged read', 'unanalysed read').sort());
  expect((await freeable('age')).sort()).toEqual(
    uids('unflagged read', 'flagged read', 'unanalysed read', 'unflagged unread').sort(),
  );
});

test.each<[string, (opened: Awaited<ReturnType<typeof open>>, study: string) => Promise<unknown>]>([
  ['being analysed', ({ store }, study) => store.reprocess(study, { actor: 'ann', reason: 'again' })],
  ['held', ({ store }) => store.recordInstances([instanceOf({ study: 'x', number: 1, content: 'b' })])],
  ['delivered everywhere', ({ deliver }) => deliver('dead')],
  [
    'being removed',
    async ({ store }, study) => {
      for (const { id } of await store.dueDeliveries('dead', 9))
        await store.recordDelivery(id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
      await store.dismiss(study, { actor: 'ann', reason: 'that archive takes none' });
      expect(await store.beginRemoval(study, LATER)).not.toBeNull();
    },
  ],
])('leaves the files of a read case alone that is %s', async (_what, become) => {
  const opened = await open();
  const study = await opened.waiting('x');
  await opened.store.markRead(study, true, 'ann');
  await become(opened, study);
  await opened.store.markRead(study, true, 'ann');
  expect(await opened.freeable()).toEqual([]);
  expect(await opened.store.freeFiles(study, LATER)).toBe(false);
});

test('leaves the files of a failed case alone until a person has left it as it is', async () => {
  const { store, deliver, freeable } = await open();
  const study = studyUid('broken');
  await store.recordInstances([instanceOf({ study: 'broken' })]);
  await store.nudgeComplete([study]);
  const findings = findingsOf(null, { reasonCode: 'decode-failed', reason: 'Its pixels cannot be read' });
  await store.fail(await claimed(store, 'assemble'), { code: 'x', message: 'x', retry: false, findings });
  await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf('broken') });
  await deliver('alive');
  await store.markRead(study, true, 'ann');
  expect(await freeable()).toEqual([]);
  await store.dismiss(study, { actor: 'ann', reason: 'a test object' });
  expect(await freeable()).toEqual([study]);
});

test('leaves the files of a read case alone that is sent again: the rest may follow', async () => {
  const { store, clock, waiting } = await open();
  const study = await waiting('x');
  await store.markRead(study, true, 'ann');
  clock.advance(DAY_MS);
  const atMs = clock.now();
  // Identical bytes in a file of their own.
  await store.recordInstances([
    { ...instanceOf({ study: 'x', number: 2 }), path: 'objects/x/again.dcm', receivedAtMs: atMs },
  ]);
  expect(await store.freeFiles(study, atMs)).toBe(false);
  expect(await store.freeFiles(study, atMs + 1)).toBe(true);
});

test('drops what was encoded of its slices', async () => {
  const { store, waiting } = await open();
  const study = await waiting('x');
  await store.markRead(study, true, 'ann');
  const { sha256 } = instanceOf({ study: 'x', number: 2 });
  await store.saveSliceFeatures('ab', new Map([[sha256, ENCODED_SLICE]]));
  await store.freeFiles(study, LATER);
  expect((await store.sliceFeatures('ab', [sha256])).size).toBe(0);
});

test('the same study sent again, or a part of it, makes no second report and takes no mark', async () => {
  const judged: unknown[] = [];
  const { store, clock, waiting, detail, freeable } = await open({
    changesAnalysis: ({ goneSeries, analysed, late }) => {
      judged.push([[...(goneSeries ?? [])], analysed?.sopInstanceUid, late.length]);
      return Promise.resolve(false);
    },
  });
  const study = await waiting('again');
  const { header } = instanceOf({ study: 'again', number: 1 });
  await store.markRead(study, true, 'ann');
  await store.freeFiles(study, LATER);
  const came = [1, 2].map((number) => ({
    ...instanceOf({ study: 'again', number, receivedAtMs: clock.now() + DAY_MS }),
    path: `objects/again/new-${number}.dcm`,
  }));
  expect(await store.recordInstances(came)).toEqual(['new', 'new']);
  // The rule is told what is gone, and the header by which another series is judged.
  expect(judged).toEqual([[[header.seriesInstanceUid], header.sopInstanceUid, 2]]);
  expect(await detail('again')).toMatchObject({
    row: { state: 'reported', revision: 1, readAtMs: clock.now() },
    filesRemoved: { objects: 3 },
    instances: { received: 2 },
    // The result does not rest on what came.
    volume: null,
  });
  // They are left alone for a while, then go like the others.
  expect(await store.freeFiles(study, clock.now() + DAY_MS)).toBe(false);
  expect(await freeable()).toEqual([study]);
  expect(await store.freeFiles(study, LATER)).toBe(true);
  expect((await detail('again')).filesRemoved).toMatchObject({ objects: 5 });
});

test('analyses again what was sent again, as a new revision, and says what to do while nothing is here', async () => {
  const { store, clock, waiting, detail, query } = await open({ changesAnalysis: () => Promise.resolve(false) });
  const study = await waiting('again');
  await store.markRead(study, true, 'ann');
  await store.freeFiles(study, LATER, 'disk');
  const wish = { actor: 'ann', reason: 'a second look' };
  await expect(store.reprocess(study, wish)).rejects.toMatchObject({
    code: 'case-changed',
    message: `The 3 received objects of this study were removed here on ${new Date(clock.now()).toISOString().slice(0, 16).replace('T', ' ')} UTC because the disk was nearly full; its results are kept until they are delivered. Read the images in the PACS. To have it analysed again, let the PACS send it once more, then ask for it here.`,
  });
  await expect(query.volumeSlices(study, [1])).rejects.toMatchObject({ code: 'slice-gone' });
  await store.recordInstances([{ ...instanceOf({ study: 'again', number: 1 }), path: 'objects/again/new.dcm' }]);
  await store.reprocess(study, wish);
  expect(await detail('again')).toMatchObject({ row: { state: 'receiving', revision: 2 }, filesRemoved: null });
});

test('a file that waits for its deletion is not taken in again when a restart finds it', async () => {
  const { store, waiting, received } = await open();
  const study = await waiting('left');
  await store.markRead(study, true, 'ann');
  await store.freeFiles(study, LATER);
  expect(await store.recordInstances([instanceOf({ study: 'left', number: 2 })])).toEqual(['duplicate']);
  expect(await received()).toEqual([]);
});

test('nobody is told that the files are here: ledger, commitment, watched archives, shadow, retrieval', async () => {
  const { store, clock, database, waiting, query } = await open();
  const study = await waiting('gone');
  const other = await waiting('here');
  await store.markRead(study, true, 'ann');
  const reference = instanceOf({ study: 'gone', number: 2 }).header;
  const commitments = createCommitmentRequests(database, clock);
  const shadow = 'cd'.repeat(32);
  expect([await store.countForShadow(shadow), (await commitments.recorded([reference])).length]).toEqual([2, 1]);
  await store.freeFiles(study, LATER);

  expect([await store.countForShadow(shadow), await commitments.recorded([reference])]).toEqual([1, []]);
  const asked: string[] = [];
  const books = await readLedger(database, (_kind, path) => {
    asked.push(path);
    return Promise.resolve(_kind === 'object' ? 1000 : 500);
  });
  expect(books).toMatchObject({ balances: true, received: 2, resulted: 2, withoutFiles: 1, missing: [], files: 7 });
  expect(asked.filter((path) => path.startsWith('objects/gone'))).toEqual([]);

  // An archive that has the study is not asked for it once more; one that has another is.
  const archives = createWatchedArchives(database, clock);
  const found = (studyInstanceUid: string) => ({ studyInstanceUid, studyDate: '20261102', statedInstances: 3 });
  await archives.noteFound('pacs', [found(study), found(other), found(studyUid('unknown'))], '20261102');
  expect((await archives.due('pacs', 10)).map((due) => due.studyInstanceUid)).toEqual([studyUid('unknown')]);

  // Its results are still here.
  const held = await query.heldObjects(study, { withHeatmaps: true });
  expect(held.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(
    objectsOf('gone')
      .map(({ sopInstanceUid }) => sopInstanceUid)
      .sort(),
  );
  const { studies } = await query.heldStudies({ studyInstanceUids: [study] }, { offset: 0, limit: 5 });
  expect(studies).toMatchObject([{ studyInstanceUid: study, instanceCount: 2 }]);
});
