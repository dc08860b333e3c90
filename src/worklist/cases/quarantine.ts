import type { Transaction } from 'kysely';
import type { InstanceHeader, PatientIdentity } from '../../case/case.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { TriageError } from '../../base/errors.ts';
import { reopen } from './reopen.ts';
import type { CaseRow, Flag, InstanceRow, Schema } from '../db/schema.ts';
import { patientOf } from '../list/caseRecord.ts';
import { heldFacts } from '../list/heldCases.ts';
import { appendEvent, caseRow, NO_LEASE, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';
import { noteReceived } from './studyReceived.ts';

/** Holds a case until a person has looked: no stage claims it, nothing of it is sent. `reason` names fields, never their values. */
export async function quarantine(trx: Transaction<Schema>, row: CaseRow, reason: string, now: number): Promise<void> {
  await trx
    .updateTable('cases')
    // An object that differs from the synthetic study that was sent may be from somebody's scan: show the case like any other.
    .set({ quarantine_reason: row.quarantine_reason ?? reason, proof: 0, ...NO_LEASE, attempts: 0, not_before: 0 })
    .where('study_instance_uid', '=', row.study_instance_uid)
    .execute();
  if (row.quarantine_reason !== null && (await lastReason(trx, row)) === reason) return;
  await appendEvent(trx, {
    studyInstanceUid: row.study_instance_uid,
    revision: row.revision,
    at: now,
    type: 'quarantined',
    from: row.state,
    to: row.state,
    actor: 'receive',
    detail: { reason },
  });
  // A held case may never be assembled, so the audit records its receipt now.
  if (row.quarantine_reason === null) await noteReceived(trx, { ...row, proof: 0 }, now);
}

/**
 * Why the newest of the conflicting objects was set aside: a history with a line for each of a thousand slices tells nothing. Undefined once a person has left the
 * case as it is: what comes after that brings it back.
 */
async function lastReason(trx: Transaction<Schema>, row: CaseRow): Promise<string | undefined> {
  const event = await trx
    .selectFrom('case_events')
    .select(['type', 'detail'])
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('type', 'in', ['quarantined', 'leftAsIs'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return event?.type === 'quarantined' ? (JSON.parse(event.detail) as { reason?: string }).reason : undefined;
}

export interface QuarantineRelease {
  /**
   * `first`: go on with the objects that came first; the conflicting ones stay aside. `latest`: use the patient whose objects were set aside last, and the
   * newest version of each object of that patient; the others stay aside. `same-patient`: the patients are one, and the study goes on under the identity that
   * appeared last: with all its objects, of each the version under that identity where there is one.
   */
  use: 'first' | 'latest' | 'same-patient';
  /** The patient whose objects were set aside (last), as the person was shown it; `first` needs none. */
  patient?: Pick<PatientIdentity, 'patientId' | 'patientName'>;
  reason: string;
  actor: string;
}

/**
 * Ends a quarantine by a person's decision, on record.
 *
 * @throws TriageError `not-found` when the study is not held; `case-changed` when another patient's objects are aside than the person was shown
 */
export async function releaseQuarantine(
  context: StoreContext,
  studyInstanceUid: string,
  release: QuarantineRelease,
): Promise<void> {
  await write(context, async (trx, touched) => {
    const now = context.clock.now();
    const row = await caseRow(trx, studyInstanceUid);
    if (row === undefined || row.quarantine_reason === null)
      throw new TriageError('not-found', 'This study is not held.');
    if (release.use !== 'first') await chooseObjects(trx, row, release);
    await trx
      .updateTable('cases')
      .set({ quarantine_reason: null })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    await appendEvent(trx, {
      studyInstanceUid,
      revision: row.revision,
      at: now,
      type: 'quarantineReleased',
      from: row.state,
      to: row.state,
      actor: release.actor,
      detail: { use: release.use, reason: release.reason },
    });
    if (release.use !== 'first') await reopen(trx, row, now, release.actor);
    touched.add(studyInstanceUid);
  });
}

/** An object of a held study. */
interface Conflicting extends Pick<InstanceRow, 'sop_instance_uid' | 'sha256' | 'set_aside' | 'kind'> {
  header: InstanceHeader;
}

/** Decides which objects of a held study are used, and whose study it is. @throws TriageError `case-changed` */
async function chooseObjects(trx: Transaction<Schema>, row: CaseRow, release: QuarantineRelease): Promise<void> {
  const { aside, otherPatient } = (await heldFacts(trx, [row])).get(row.study_instance_uid)!;
  const other = release.use === 'latest' ? aside.at(-1) : otherPatient;
  if (other == null)
    throw new TriageError(
      'case-changed',
      'Not released: this hold is not about one patient with two identities. Decide it under Administration, Waiting.',
    );
  if (release.patient !== undefined && identityDifferences({ ...other, ...release.patient }, other).length > 0)
    throw new TriageError(
      'case-changed',
      'Not released: objects of another patient than the one shown have come since. Look at the study again.',
    );
  const patient = release.use === 'same-patient' && !otherPatient!.isNewer ? patientOf(row) : other;
  const newestFirst = await objectsOf(trx, row.study_instance_uid);
  const ofPatient = newestFirst.filter(({ header }) => identityDifferences(header, patient).length === 0);
  const used =
    release.use === 'latest' ? versions(ofPatient) : versions([...inUseFirst(ofPatient), ...inUseFirst(newestFirst)]);
  for (const object of newestFirst)
    await setAside(trx, row.study_instance_uid, object, used.get(object.sop_instance_uid) === object ? 0 : 1);
  // Secondary objects often lack what an image says of its patient.
  const { header } = ofPatient.find(({ kind }) => kind === 'ct') ?? ofPatient[0]!;
  await trx
    .updateTable('cases')
    .set({
      patient_id: header.patientId,
      issuer_of_patient_id: header.issuerOfPatientId,
      patient_name: header.patientName,
      patient_birth_date: header.patientBirthDate,
      patient_sex: header.patientSex,
      patient_age: header.patientAge,
      accession_number: header.accessionNumber,
    })
    .where('study_instance_uid', '=', row.study_instance_uid)
    .execute();
}

/** The first version of each object in this list. */
function versions(objects: readonly Conflicting[]): Map<string, Conflicting> {
  const chosen = new Map<string, Conflicting>();
  for (const object of objects) if (!chosen.has(object.sop_instance_uid)) chosen.set(object.sop_instance_uid, object);
  return chosen;
}

const inUseFirst = (objects: readonly Conflicting[]): Conflicting[] =>
  objects.toSorted((a, b) => a.set_aside - b.set_aside);

/** Newest first. */
async function objectsOf(trx: Transaction<Schema>, studyInstanceUid: string): Promise<Conflicting[]> {
  const rows = await trx
    .selectFrom('instances')
    .select(['sop_instance_uid', 'sha256', 'set_aside', 'kind', 'header'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('kind', '!=', 'own')
    .orderBy('received_at', 'desc')
    .orderBy('sha256', 'desc')
    .execute();
  return rows.map((row) => ({ ...row, header: JSON.parse(row.header) as InstanceHeader }));
}

async function setAside(
  trx: Transaction<Schema>,
  studyInstanceUid: string,
  object: Conflicting,
  value: Flag,
): Promise<void> {
  if (object.set_aside === value) return;
  await trx
    .updateTable('instances')
    .set({ set_aside: value })
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('sop_instance_uid', '=', object.sop_instance_uid)
    .where('sha256', '=', object.sha256)
    .execute();
}
