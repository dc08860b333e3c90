import type { Transaction } from 'kysely';
import type { InstanceHeader } from '../../case/case.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { TriageError } from '../../base/errors.ts';
import { reopen } from './reopen.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
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

export interface QuarantineRelease {
  /** `first`: go on with the objects that came first; the conflicting ones stay aside. `latest`: use the patient of the newest object, and the newest version of each object of that patient. */
  use: 'first' | 'latest';
  reason: string;
  actor: string;
}

/** Ends a quarantine by a person's decision, on record. @throws TriageError `not-found` when the study is not held. */
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
    if (release.use === 'latest') {
      await preferLatest(trx, studyInstanceUid);
      await reopen(trx, row, now, release.actor);
    }
    touched.add(studyInstanceUid);
  });
}

async function preferLatest(trx: Transaction<Schema>, studyInstanceUid: string): Promise<void> {
  const rows = await trx
    .selectFrom('instances')
    .select(['sop_instance_uid', 'sha256', 'header'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('kind', '!=', 'own')
    .orderBy('received_at')
    .orderBy('sha256')
    .execute();
  const last = rows.at(-1);
  if (last === undefined) return;
  const header = JSON.parse(last.header) as InstanceHeader;
  const ofPatient = rows.filter(
    (row) => identityDifferences(JSON.parse(row.header) as InstanceHeader, header).length === 0,
  );
  const newest = new Map(ofPatient.map((row) => [row.sop_instance_uid, row]));
  for (const row of rows) {
    await trx
      .updateTable('instances')
      .set({ set_aside: newest.get(row.sop_instance_uid) === row ? 0 : 1 })
      .where('study_instance_uid', '=', studyInstanceUid)
      .where('sop_instance_uid', '=', row.sop_instance_uid)
      .where('sha256', '=', row.sha256)
      .execute();
  }
  await trx
    .updateTable('cases')
    .set({
      patient_id: header.patientId,
      issuer_of_patient_id: header.issuerOfPatientId,
      patient_name: header.patientName,
      patient_birth_date: header.patientBirthDate,
      patient_sex: header.patientSex,
      accession_number: header.accessionNumber,
    })
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
}
