import { expect, test } from 'vitest';
import { createPriorSearches } from '../../../../src/worklist/cases/priorSearches.ts';
import { instanceOf, openWorklist, runSql, studyUid, toInferred } from '../fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const [FIRST, SECOND, ARRIVING] = [1, 2, 3];

async function open() {
  const worklist = await openWorklist();
  // The fixture's scans are analysed five seconds after its clock begins.
  worklist.clock.advance(MINUTE_MS);
  const searches = createPriorSearches(worklist.database, worklist.clock);
  const next = async (archive = 'old-pacs') => (await searches.nextDue(archive))?.studyInstanceUid ?? null;
  const note = (archives = ['old-pacs']) => searches.noteNew(archives);
  return { ...worklist, searches, next, note };
}

test('each archive is asked once for a scan, from when it was analysed', async () => {
  const worklist = await open();
  const { store, searches, next, note } = worklist;
  await toInferred(worklist, FIRST, 0.9);
  await store.recordInstances([instanceOf({ study: ARRIVING })]);
  await note(['old-pacs', 'new-pacs']);
  expect(await searches.nextDue('old-pacs')).toEqual({
    studyInstanceUid: studyUid(FIRST),
    studyDate: '20261102',
    patient: expect.objectContaining({ patientId: 'P-1', patientName: 'Doe^Jane', patientBirthDate: '19700101' }),
  });
  await searches.noteDone('old-pacs', studyUid(FIRST));
  await note(['old-pacs', 'new-pacs']);
  expect([await next('old-pacs'), await next('new-pacs')]).toEqual([null, studyUid(FIRST)]);
  expect(await searches.status('old-pacs')).toEqual({ waiting: 0, lastError: null });
  expect((await searches.status('new-pacs')).waiting).toBe(1);
});

test('what was put down is due after a restart, and what nobody waits for any more is not put down', async () => {
  const worklist = await open();
  const { database, clock, note, next } = worklist;
  await toInferred(worklist, FIRST, 0.9);
  await note();
  const again = createPriorSearches(database, clock);
  expect((await again.nextDue('old-pacs'))?.studyInstanceUid).toBe(studyUid(FIRST));

  await toInferred(worklist, SECOND, 0.2);
  await worklist.store.markRead(studyUid(SECOND), true, 'ada');
  await note();
  await again.noteDone('old-pacs', studyUid(FIRST));
  expect(await next()).toBeNull();
});

test('a search that fails is tried again, later each time, and given up in the end; admins are told for a day', async () => {
  const worklist = await open();
  const { clock, searches, next, note } = worklist;
  await toInferred(worklist, FIRST, 0.9);
  await note();
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 6; attempt++) {
    await searches.noteFailed('old-pacs', studyUid(FIRST), `attempt ${attempt}`);
    let minutes = 0;
    for (; (await next()) === null && minutes < 100; minutes++) clock.advance(MINUTE_MS);
    waits.push(minutes);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 100]);
  expect(await searches.status('old-pacs')).toEqual({ waiting: 0, lastError: 'attempt 6' });
  clock.advance(24 * HOUR_MS);
  expect((await searches.status('old-pacs')).lastError).toBeNull();
});

test('a prior is held when all is here that the archive states, or when it came as a scan of its own', async () => {
  const { store, searches, database } = await open();
  await store.recordInstances([1, 2].map((number) => instanceOf({ study: SECOND, number })));
  expect(await searches.isHeld('old-pacs', { studyInstanceUid: studyUid(SECOND), statedInstances: 9 })).toBe(true);
  await runSql(database, "update cases set recency = 'prior'");
  const held = (statedInstances: number | null, study = SECOND) =>
    searches.isHeld('old-pacs', { studyInstanceUid: studyUid(study), statedInstances });
  expect([await held(2), await held(null), await held(3), await held(null, FIRST)]).toEqual([true, true, false, false]);
});

test('a scan that is being removed is asked for no more', async () => {
  const worklist = await open();
  await toInferred(worklist, FIRST, 0.9);
  await worklist.note();
  await runSql(worklist.database, 'update cases set removing = 1');
  expect([await worklist.next(), (await worklist.searches.status('old-pacs')).waiting]).toEqual([null, 0]);
});
