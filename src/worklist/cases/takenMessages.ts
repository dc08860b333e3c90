import type { Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import {
  isPatientStated,
  type MessageIdentity,
  type MessageOutcome,
  type ReportNotice,
  type StudyReference,
} from '../../case/hospitalMessage.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { appendEvent, write, type StoreContext } from './storeContext.ts';

/** A sender repeats a message within minutes; after this long, nobody remembers it. */
const REMEMBERED_MS = 90 * 86_400_000;

/**
 * Marks the studies that a message says are reported as read, by whoever reported them. All of a message, or nothing of it. A message that finds no study is
 * not remembered: it may come again when the study is here.
 *
 * @throws TriageError `message-unusable`: it means a study of another patient here, or one whose patient is in doubt
 */
export async function takeReports(
  context: StoreContext,
  message: MessageIdentity,
  reports: readonly ReportNotice[],
): Promise<MessageOutcome> {
  return write(context, async (trx, touched) => {
    if (await isTaken(trx, message)) return { kind: 'known', changed: [] };
    const at = context.clock.now();
    let isFound = false;
    for (const report of reports) {
      const rows = await studiesMeant(trx, report);
      isFound ||= rows.length > 0;
      for (const row of rows) {
        if (row.read_at !== null || touched.has(row.study_instance_uid)) continue;
        await markReported(trx, row, report, at);
        touched.add(row.study_instance_uid);
      }
    }
    if (!isFound) return { kind: 'no-study', changed: [] };
    await remember(trx, message, at);
    return { kind: 'taken', changed: [...touched] };
  });
}

async function markReported(
  trx: Transaction<Schema>,
  { study_instance_uid: studyInstanceUid, revision, state }: CaseRow,
  { reader, status }: ReportNotice,
  at: number,
): Promise<void> {
  const how = status === 'P' || status === 'R' ? 'preliminary report in the RIS' : 'report in the RIS';
  const actor = reader === '' ? how : `${reader} (${how})`;
  await trx
    .updateTable('cases')
    .set({ read_at: at, read_by: actor, read_before: null, claimed_by: null, claimed_at: null })
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
  const detail = { resultStatus: status };
  await appendEvent(trx, { studyInstanceUid, revision, at, type: 'read', from: state, to: state, actor, detail });
}

/**
 * The studies here that a message means: those with its Study Instance UID if it states one, else with its accession number; and of the patient that it names.
 * Empty when there is none. @throws TriageError `message-unusable` when what it says does not fit what is here
 */
async function studiesMeant(
  trx: Transaction<Schema>,
  { accessionNumber, studyInstanceUids, patientIds }: StudyReference,
): Promise<CaseRow[]> {
  if (patientIds.length === 0) throw new TriageError('message-unusable', 'PID-3 does not name the patient.');
  if (accessionNumber === '' && studyInstanceUids.length === 0)
    throw new TriageError('message-unusable', 'It states neither an accession number nor a Study Instance UID.');
  const rows = await trx
    .selectFrom('cases')
    .selectAll()
    .where('proof', '=', 0)
    .where('removing', '=', 0)
    .where((row) =>
      row.or([
        ...(accessionNumber === '' ? [] : [row('accession_number', '=', accessionNumber)]),
        ...(studyInstanceUids.length === 0 ? [] : [row('study_instance_uid', 'in', studyInstanceUids)]),
      ]),
    )
    .execute();
  const named = studyInstanceUids.length === 0 ? rows : rows.filter((row) => isNamed(row, studyInstanceUids));
  if (named.length === 0 && rows.length > 0)
    throw new TriageError(
      'message-unusable',
      'The study with its accession number has another Study Instance UID here: nothing is set.',
    );
  if (accessionNumber !== '' && named.some((row) => !['', accessionNumber].includes(row.accession_number)))
    throw new TriageError(
      'message-unusable',
      'The study with its Study Instance UID has another accession number here: nothing is set.',
    );
  const meant = named.filter((row) =>
    isPatientStated({ patientId: row.patient_id, issuerOfPatientId: row.issuer_of_patient_id }, patientIds),
  );
  if (meant.length === 0 && named.length > 0)
    throw new TriageError('message-unusable', 'The study that it means is of another patient here: nothing is set.');
  if (meant.some((row) => row.quarantine_reason !== null))
    throw new TriageError('message-unusable', 'The study that it means is held for checking here: nothing is set.');
  return meant;
}

function isNamed({ study_instance_uid }: CaseRow, studyInstanceUids: readonly string[]): boolean {
  return studyInstanceUids.includes(study_instance_uid);
}

export async function isTaken(
  trx: Transaction<Schema>,
  { sender, controlId, sha256 }: MessageIdentity,
): Promise<boolean> {
  const row = await trx
    .selectFrom('taken_messages')
    .select('taken_at')
    .where('sender', '=', sender)
    .where('control_id', '=', controlId)
    .where('sha256', '=', sha256)
    .executeTakeFirst();
  return row !== undefined;
}

export async function remember(
  trx: Transaction<Schema>,
  { sender, controlId, sha256 }: MessageIdentity,
  at: number,
): Promise<void> {
  await trx
    .deleteFrom('taken_messages')
    .where('taken_at', '<', at - REMEMBERED_MS)
    .execute();
  await trx.insertInto('taken_messages').values({ sender, control_id: controlId, sha256, taken_at: at }).execute();
}
