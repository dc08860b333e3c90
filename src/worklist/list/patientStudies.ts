import type { Transaction } from 'kysely';
import type { PatientStudy } from '../../answers/caseAnswer.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { dateTimeOf, inOwnZone } from '../../dicom/dateTimes.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { patientOf } from './caseRecord.ts';

/** Most studies of one patient that a case lists. */
const MOST_STUDIES = 20;

/** The patient's other studies here, by when they were scanned, newest first: `priors` before this one, `newer` after it. */
export async function patientStudies(
  db: Transaction<Schema>,
  row: CaseRow,
): Promise<{ priors: PatientStudy[]; newer: PatientStudy[] }> {
  if (row.patient_id.trim() === '' || row.proof === 1) return { priors: [], newer: [] };
  const others = await db
    .selectFrom('cases')
    .leftJoin('analyses', onCurrentRevision)
    .selectAll('cases')
    .select('analyses.decision')
    .where('cases.patient_id', '=', row.patient_id)
    .where('cases.study_instance_uid', '!=', row.study_instance_uid)
    .where('cases.removing', '=', 0)
    .where('cases.proof', '=', 0)
    .orderBy('cases.first_received_at', 'desc')
    .limit(4 * MOST_STUDIES)
    .execute();
  const same = others
    .filter((other) => identityDifferences(patientOf(row), patientOf(other)).length === 0)
    .sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1));
  const listed = (studies: typeof same): PatientStudy[] =>
    studies.slice(0, MOST_STUDIES).map((study) => ({
      caseRef: study.case_ref ?? '',
      scannedAt: scannedAt(study),
      studyDescription: study.study_description,
      decision: study.quarantine_reason === null ? study.decision : null,
    }));
  return {
    priors: listed(same.filter((study) => placeOf(study) < placeOf(row))),
    newer: listed(same.filter((study) => placeOf(study) >= placeOf(row))),
  };
}

/** When a study was scanned, as DICOM DT or DA and TM; empty when its headers do not say. */
export function scannedAt({
  acquired_at: acquiredAt,
  study_date: date,
  study_time: time,
}: Pick<CaseRow, 'acquired_at' | 'study_date' | 'study_time'>): string {
  return acquiredAt === '' ? `${date}${time}` : acquiredAt;
}

/** Sorts by time of scan. A prior without a readable date cannot exist; another scan without one counts as scanned when it arrived. */
export function placeOf(
  row: Pick<CaseRow, 'acquired_at' | 'study_date' | 'study_time' | 'first_received_at' | 'study_instance_uid'>,
): string {
  const at = inOwnZone(scannedAt(row));
  return `${/^\d{8}/.test(at) ? at : dateTimeOf(row.first_received_at)} ${row.study_instance_uid}`;
}
