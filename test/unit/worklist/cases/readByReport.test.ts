import { expect, test } from 'vitest';
import type { HeldReport } from '../../../../src/case/delivery.ts';
import { openWorklist, studyUid, toInferred, toReported } from '../fixture.ts';

const report = (name: string): HeldReport => ({
  sopInstanceUid: `1.2.${name}.1`,
  seriesInstanceUid: `1.2.${name}`,
  modality: 'SR',
  isVerified: true,
});

test('somebody else’s report marks a scan as read once; ours does not, nor does one that a reader has taken back', async () => {
  const worklist = await openWorklist();
  const { store, query, database, clock } = worklist;
  await toReported(worklist, 1, 0.9);
  await toInferred(worklist, 2, 0.1);
  const [own] = await database.db.selectFrom('result_objects').selectAll().execute();
  const ours = { ...report('9'), seriesInstanceUid: own!.series_instance_uid };
  await store.claimReading(studyUid(1), { claimed: true, takeOver: false, actor: 'ada' });
  expect(await store.noteReported(studyUid(1), [ours], 'archive')).toBe(false);
  expect((await store.unreadStudies(0, 9)).map(({ studyInstanceUid }) => studyInstanceUid).sort()).toEqual(
    [studyUid(1), studyUid(2)].sort(),
  );
  expect(await store.noteReported(studyUid(1), [ours, report('7')], 'archive')).toBe(true);
  const row = async () => (await query.rows()).find((one) => one.studyInstanceUid === studyUid(1))!;
  expect(await row()).toMatchObject({ readBy: 'SR in archive', readAtMs: clock.now(), claimedBy: null });
  expect((await query.caseDetail(studyUid(1))).events.at(-1)).toMatchObject({
    type: 'read',
    actor: 'SR in archive',
    detail: { report: '1.2.7.1', modality: 'SR' },
  });
  expect((await store.unreadStudies(0, 9)).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([studyUid(2)]);
  expect(await store.noteReported(studyUid(1), [report('8')], 'archive')).toBe(false);
  await store.markRead(studyUid(1), false, 'ada');
  expect(await store.noteReported(studyUid(1), [report('7')], 'archive')).toBe(false);
  expect((await row()).readAtMs).toBeNull();
  expect(await store.noteReported(studyUid(1), [report('7'), report('8')], 'archive')).toBe(true);
});

test('what is unread after a shift is marked as read in one go, but for flags, under the name of who does it', async () => {
  const worklist = await openWorklist();
  const { store, query, clock } = worklist;
  expect(await query.leftOver()).toBeNull();
  await toInferred(worklist, 1, 0.9);
  await toInferred(worklist, 2, 0.1);
  await toInferred(worklist, 3, 0.2);
  const arrivedAtMs = (await query.rows()).map((row) => row.arrivedAtMs);
  clock.advance(Math.max(...arrivedAtMs) + 8 * 3_600_000 - clock.now());
  expect((await query.leftOver())?.count ?? 0).toBeLessThan(3);
  clock.advance(1);
  expect(await query.leftOver()).toEqual({ count: 3, flagged: 1, newestArrivedAtMs: Math.max(...arrivedAtMs) });
  expect(await store.markLeftOverRead('ada')).toBe(2);
  expect((await query.rows()).map(({ readBy }) => readBy)).toEqual([null, 'ada', 'ada']);
  expect(await query.leftOver()).toMatchObject({ count: 1, flagged: 1 });
});
