import type { PatientIdentity } from './case.ts';
import { samePatientId } from './patientIdentity.ts';

/** A patient's ID as another system writes it. */
export interface StatedPatientId {
  id: string;
  /** Names of the system that gave it: namespace, universal ID. Empty when not stated. */
  issuers: readonly string[];
}

/** Which study a message of the hospital's other systems means. */
export interface StudyReference {
  patientIds: readonly StatedPatientId[];
  /** Empty when not stated, as is the array. */
  accessionNumber: string;
  studyInstanceUids: readonly string[];
}

/** A message says that somebody has reported a study. */
export interface ReportNotice extends StudyReference {
  /** Who, as the row of the case names them. */
  reader: string;
  /** Value of Result Status (table 0123). */
  status: string;
}

/** A message orders a study, or says that an order has changed. */
export interface OrderNotice extends StudyReference {
  /** False for a routine one, and for one that is cancelled. */
  isUrgent: boolean;
}

/** Tells a message from every other: its sender's name for it, and a digest of what it says. */
export interface MessageIdentity {
  sender: string;
  controlId: string;
  sha256: string;
}

/** What a message has changed. `known`: it was taken before. `kept`: it counts when the images come. */
export interface MessageOutcome {
  kind: 'taken' | 'known' | 'kept' | 'no-study';
  /** Studies that it changed. */
  changed: readonly string[];
}

/** Whether one of the stated IDs is this patient's: the same ID, and the same issuer where both say who gave it. */
export function isPatientStated(
  patient: Pick<PatientIdentity, 'patientId' | 'issuerOfPatientId'>,
  stated: readonly StatedPatientId[],
): boolean {
  const issuer = patient.issuerOfPatientId.trim().toLowerCase();
  return stated.some(
    ({ id, issuers }) =>
      id.trim() !== '' &&
      samePatientId(id, patient.patientId) &&
      (issuer === '' || issuers.length === 0 || issuers.some((one) => one.trim().toLowerCase() === issuer)),
  );
}
