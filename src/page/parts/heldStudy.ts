import type { HeldFacts } from '../../answers/worklistAnswer.ts';
import { withFormat } from './formatCharacters.ts';
import { personName } from './format.ts';
import { releaseWords } from './releaseWords.ts';
import { ask } from './session.ts';

/** A study that one press releases: held because objects of one other patient came. */
export interface HeldStudy {
  studyInstanceUid: string;
  patientId: string;
  patientName: string;
  patientBirthDate: string;
  sex: string;
  delivered: HeldFacts['delivered'];
  otherPatient: NonNullable<HeldFacts['otherPatient']>;
}

/** Ends a hold. The server refuses when the study would go on under another patient than this one. @throws Refused */
export async function release(
  studyInstanceUid: string,
  use: 'latest' | 'same-patient',
  { patientId, patientName }: { patientId: string; patientName: string },
  reason: string,
): Promise<Response> {
  return ask(`/api/cases/${encodeURIComponent(studyInstanceUid)}/release`, 'POST', {
    use,
    patient: { patientId: withFormat(patientId), patientName: withFormat(patientName) },
    reason,
  });
}

/** What a patient is called where there is room for one word: the ID, or the name where the ID does not tell the two apart. */
export function shortIdentity(
  one: Pick<HeldStudy, 'patientId' | 'patientName'>,
  other: Pick<HeldStudy, 'patientId'>,
): string {
  return one.patientId === other.patientId || one.patientId === '' ? personName(one.patientName) : one.patientId;
}

/** Whose objects came, and under which patient a report is out. */
export function holdFacts(study: HeldStudy): string[] {
  const { otherPatient, delivered } = study;
  return [
    releaseWords.heldAs(otherPatient.objects, shortIdentity(otherPatient, study)),
    delivered.length === 0 ? releaseWords.noReportOut : releaseWords.reportOutAs(shortIdentity(study, otherPatient)),
  ];
}
