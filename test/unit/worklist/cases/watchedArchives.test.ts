import { expect, test } from 'vitest';
import { createWatchedArchives } from '../../../../src/worklist/cases/watchedArchives.ts';
import { instanceOf, openWorklist, studyUid } from '../fixture.ts';

const MINUTE_MS = 60_000;
const [HELD, PARTLY, UNSTATED, STUCK, KNOWN] = [1, 2, 3, 4, 5];

async function open() {
  const worklist = await openWorklist();
  const watched = createWatchedArchives(worklist.database, worklist.clock);
  const due = async () => (await watched.due('old-pacs', 10)).map(({ studyInstanceUid }) => studyInstanceUid);
  const found = (study: number, statedInstances: number | null) => ({
    studyInstanceUid: studyUid(study),
    studyDate: '20261129',
    statedInstances,
  });
  return { ...worklist, watched, due, found };
}

test('what an archive has and the agent has not is due; what grows is due again', async () => {
  const { store, watched, due, found } = await open();
  await store.recordInstances([1, 2].map((number) => instanceOf({ study: HELD, number })));
  expect(await watched.askedTo('old-pacs')).toBeNull();
  await watched.noteFound('old-pacs', [found(HELD, 2), found(PARTLY, 7), found(UNSTATED, null)], '20261129');
  expect(await watched.askedTo('old-pacs')).toBe('20261129');
  expect((await due()).sort()).toEqual([studyUid(PARTLY), studyUid(UNSTATED)].sort());
  for (const study of [PARTLY, UNSTATED]) await watched.noteFetched('old-pacs', studyUid(study));
  // Found again with as many objects, or without their number.
  await watched.noteFound('old-pacs', [found(HELD, 2), found(PARTLY, 7), found(UNSTATED, null)], '20261130');
  expect(await due()).toEqual([]);
  await watched.noteFound('old-pacs', [found(HELD, 3)], '20261130');
  expect(await due()).toEqual([studyUid(HELD)]);
  // Another archive is another matter.
  expect([await watched.due('new-pacs', 10), await watched.askedTo('new-pacs')]).toEqual([[], null]);
});

test('a study that cannot be fetched is due again, later each time, and is told of after three attempts', async () => {
  const { watched, due, found, clock } = await open();
  await watched.noteFound('old-pacs', [found(STUCK, 5)], '20261129');
  const waits: number[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    await watched.noteFailedFetch('old-pacs', studyUid(STUCK), `attempt ${attempt}`);
    expect((await watched.status('old-pacs')).failing).toBe(attempt < 2 ? 0 : 1);
    let minutes = 0;
    for (; (await due()).length === 0; minutes++) clock.advance(MINUTE_MS);
    waits.push(minutes);
  }
  expect(waits).toEqual([0, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
  expect(await watched.status('old-pacs')).toMatchObject({ waiting: 1, failing: 1, fetchError: 'attempt 11' });
  await watched.noteGone('old-pacs', studyUid(STUCK));
  expect(await watched.status('old-pacs')).toMatchObject({ waiting: 0, failing: 0, fetchError: null });
});

test('a look that failed is told of until one succeeds, and moves nothing on', async () => {
  const { watched, found, clock } = await open();
  await watched.noteFound('old-pacs', [found(KNOWN, 1)], '20261128');
  const atMs = clock.now();
  clock.advance(MINUTE_MS);
  await watched.noteFailedLook('old-pacs', 'it does not answer');
  expect(await watched.status('old-pacs')).toMatchObject({ succeededAtMs: atMs, lastError: 'it does not answer' });
  expect(await watched.askedTo('old-pacs')).toBe('20261128');
  await watched.noteFound('old-pacs', [], '20261129');
  expect(await watched.status('old-pacs')).toMatchObject({ lastError: null, waiting: 1 });
});
