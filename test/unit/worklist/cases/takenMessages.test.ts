import { expect, test } from 'vitest';
import type { MessageIdentity, ReportNotice } from '../../../../src/case/hospitalMessage.ts';
import { instanceOf, openWorklist, runSql, studyUid, toInferred, type Worklist } from '../fixture.ts';

const message = (number: number): MessageIdentity => ({
  sender: 'RIS A',
  controlId: `m${number}`,
  sha256: `s${number}`,
});
const { patientId, accessionNumber } = instanceOf({ study: 1 }).header;

/** A report of study 1, unless it says otherwise. */
const report = (other: Partial<ReportNotice> = {}): ReportNotice => ({
  patientIds: [{ id: patientId, issuers: [] }],
  accessionNumber,
  studyInstanceUids: [],
  reader: 'Okafor, Ngozi',
  status: 'F',
  ...other,
});
const rowOf = async ({ query }: Worklist, study = 1) =>
  (await query.rows()).find(({ studyInstanceUid }) => studyInstanceUid === studyUid(study))!;

test('a report marks its scan as read, by whom and how, and the same message does so only once', async () => {
  const worklist = await openWorklist();
  const { store, query, clock } = worklist;
  await toInferred(worklist, 1, 0.9);
  await store.claimReading(studyUid(1), { claimed: true, takeOver: false, actor: 'ada' });
  expect(await store.takeReports(message(1), [report()])).toEqual({ kind: 'taken', changed: [studyUid(1)] });
  const how = 'Okafor, Ngozi (report in the RIS)';
  expect(await rowOf(worklist)).toMatchObject({ readBy: how, readAtMs: clock.now(), claimedBy: null });
  expect((await query.caseDetail(studyUid(1))).events.at(-1)).toMatchObject({
    type: 'read',
    actor: how,
    detail: { resultStatus: 'F' },
  });
  expect(await store.takeReports(message(2), [report()])).toEqual({ kind: 'taken', changed: [] });
  await store.markRead(studyUid(1), false, 'ada');
  expect(await store.takeReports(message(1), [report()])).toEqual({ kind: 'known', changed: [] });
  expect((await rowOf(worklist)).readAtMs).toBeNull();
  // Its sender has begun its numbers anew: another message under the same one.
  const again = { ...message(1), sha256: 'other' };
  expect(await store.takeReports(again, [report({ reader: '', status: 'P' })])).toMatchObject({ kind: 'taken' });
  expect(await rowOf(worklist)).toMatchObject({ readBy: 'preliminary report in the RIS' });
});

test.each<[string, Partial<ReportNotice>, string]>([
  ['of another patient', { patientIds: [{ id: 'somebody-else', issuers: [] }] }, 'of another patient'],
  ['of another issuer', { patientIds: [{ id: patientId, issuers: ['ELSEWHERE', '1.9'] }] }, 'of another patient'],
  ['of nobody', { patientIds: [] }, 'PID-3 does not name the patient'],
  ['of no study', { accessionNumber: '' }, 'neither an accession number nor a Study Instance UID'],
  ['with another UID', { studyInstanceUids: [studyUid(99)] }, 'has another Study Instance UID'],
  [
    'with another accession number',
    { studyInstanceUids: [studyUid(1)], accessionNumber: 'ANOTHER' },
    'has another accession number',
  ],
])('a report %s sets nothing, whatever else the message says', async (_name, other, why) => {
  const worklist = await openWorklist();
  const { store } = worklist;
  await toInferred(worklist, 1, 0.2);
  await toInferred(worklist, 2, 0.3);
  const good = report({ accessionNumber: 'A-2', patientIds: [{ id: 'P-2', issuers: ['1.7', 'hospital'] }] });
  await expect(store.takeReports(message(1), [good, report(other)])).rejects.toMatchObject({
    code: 'message-unusable',
    message: expect.stringContaining(why) as string,
  });
  expect((await rowOf(worklist, 2)).readAtMs).toBeNull();
  expect((await rowOf(worklist)).readAtMs).toBeNull();
  // It was not remembered: corrected by its sender or not, it may come again.
  expect(await store.takeReports(message(1), [good])).toEqual({ kind: 'taken', changed: [studyUid(2)] });
});

test('a study is found by its UID, among those with its accession number, and not while it is held', async () => {
  const worklist = await openWorklist();
  const { store, database } = worklist;
  expect(await store.takeReports(message(1), [report()])).toEqual({ kind: 'no-study', changed: [] });
  await toInferred(worklist, 1, 0.2);
  await toInferred(worklist, 2, 0.3);
  const byUid = report({
    accessionNumber: 'A-2',
    patientIds: [{ id: 'P-2', issuers: [] }],
    studyInstanceUids: [studyUid(2), '1.9.9'],
  });
  expect(await store.takeReports(message(1), [byUid])).toEqual({ kind: 'taken', changed: [studyUid(2)] });
  await runSql(database, 'update cases set quarantine_reason = ? where study_instance_uid = ?', 'doubt', studyUid(1));
  await expect(store.takeReports(message(3), [report()])).rejects.toThrow('held for checking');
  // Another hospital's patient has the same accession number: only the patient that is named counts.
  await runSql(database, 'update cases set quarantine_reason = null, accession_number = ?', accessionNumber);
  await store.markRead(studyUid(2), false, 'ada');
  expect(await store.takeReports(message(3), [report()])).toEqual({ kind: 'taken', changed: [studyUid(1)] });
});
