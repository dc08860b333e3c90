import { expect, test } from 'vitest';
import { openWorklist, studyUid, toInferred } from '../fixture.ts';

const MINUTE_MS = 60_000;

test('a claim is asked about after a quarter of an hour, and goes back to the list after twenty minutes without an answer', async () => {
  const worklist = await openWorklist();
  const { store, query, clock } = worklist;
  await toInferred(worklist, 1, 0.9);
  await toInferred(worklist, 2, 0.1);
  const claim = (study: number, actor: string) =>
    store.claimReading(studyUid(study), { claimed: true, takeOver: false, actor });
  const claimants = async () =>
    Object.fromEntries((await query.rows()).map(({ studyInstanceUid, claimedBy }) => [studyInstanceUid, claimedBy]));
  await claim(1, 'ada');
  const claimedAtMs = clock.now();
  await store.noteOpened(studyUid(1));
  clock.advance(5 * MINUTE_MS);
  await claim(2, 'ben');
  clock.advance(10 * MINUTE_MS - 1);
  expect(await query.oldClaims('ada')).toEqual([]);
  clock.advance(1);
  expect(await query.oldClaims('ada')).toEqual([
    { caseRef: expect.any(String), claimedAtMs, returnsAtMs: claimedAtMs + 20 * MINUTE_MS },
  ]);
  expect(await query.oldClaims('ben')).toEqual([]);
  expect((await query.flags(9)).open).toMatchObject([
    { claimed: true, attended: true, ringsFromMs: expect.any(Number) },
  ]);
  clock.advance(5 * MINUTE_MS - 1);
  expect(await store.returnOldClaims()).toBe(0);
  // Ben is still reading.
  await claim(2, 'ben');
  clock.advance(1);
  expect(await store.returnOldClaims()).toBe(1);
  expect(await claimants()).toEqual({ [studyUid(1)]: null, [studyUid(2)]: 'ben' });
  // The flag is as good as new, for every desk.
  expect((await query.flags(9)).open).toMatchObject([{ claimed: false, attended: false, ringsFromMs: clock.now() }]);
  expect((await query.caseDetail(studyUid(1))).events.at(-1)).toMatchObject({
    type: 'claimReturned',
    actor: 'odontoid',
    detail: { claimedBy: 'ada' },
  });
  expect(await store.returnOldClaims()).toBe(0);
});

test('a flag is attended to once somebody has opened it or stopped its ringing, until its reader gives it back', async () => {
  const worklist = await openWorklist();
  const { store, query, clock } = worklist;
  await toInferred(worklist, 1, 0.9);
  await toInferred(worklist, 2, 0.8);
  await toInferred(worklist, 3, 0.1);
  const attended = async () =>
    (await query.flags(9)).open.map((flag) => flag.attended).sort((a, b) => Number(a) - Number(b));
  const changes: string[] = [];
  store.onChange((study) => changes.push(study));
  expect(await attended()).toEqual([false, false]);
  await store.noteOpened(studyUid(1));
  await store.noteOpened(studyUid(3));
  await store.noteOpened(studyUid(1));
  await store.stopRinging(studyUid(2), 'ada');
  await store.stopRinging(studyUid(2), 'ben');
  expect(await attended()).toEqual([true, true]);
  expect(changes).toEqual([studyUid(1), studyUid(2)]);
  expect(
    (await query.caseDetail(studyUid(2))).events.filter(({ type }) => type === 'bellStopped').map(({ actor }) => actor),
  ).toEqual(['ada']);
  await store.claimReading(studyUid(1), { claimed: true, takeOver: false, actor: 'ada' });
  await store.claimReading(studyUid(1), { claimed: false, takeOver: false, actor: 'ada' });
  const back = (await query.flags(9)).open.find((flag) => !flag.attended)!;
  expect(back.ringsFromMs).toBe(clock.now() + 10 * MINUTE_MS);
  await expect(store.stopRinging(studyUid(9), 'ada')).rejects.toMatchObject({ code: 'not-found' });
});
