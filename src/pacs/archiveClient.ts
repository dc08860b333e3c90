import type { PatientIdentity } from '../case/case.ts';
import type { RetrieveOutcome } from './retrieveOutcome.ts';

/** What studies are asked for by; one of them. */
export type StudyKey = 'studyInstanceUid' | 'accessionNumber' | 'patientId';

export interface FoundStudy {
  studyInstanceUid: string;
  accessionNumber: string;
  patientId: string;
  /** YYYYMMDD; empty when unknown. */
  studyDate: string;
  studyDescription: string;
  patientSex: string;
  /** NumberOfStudyRelatedInstances; null when the archive does not say. */
  statedInstances: number | null;
  /** Empty when the archive does not say. */
  modalities: string[];
}

/** A study that an archive is to send. */
export interface AskedStudy {
  studyInstanceUid: string;
  /** Whose it is, as the archive said; left out or empty where nobody asked. */
  patientId?: string;
}

/** Finds and fetches studies of an archive, by DIMSE (PS3.4 C) or DICOMweb (PS3.18). */
export interface ArchiveClient {
  /**
   * Studies with exactly this value, and how many others the archive answered as well, which are left out.
   * @throws TriageError `pacs-unreachable`
   */
  find: (key: StudyKey, value: string) => Promise<{ studies: FoundStudy[]; others: number }>;
  /** Studies of whoever has this ID, each with the patient that it is of: patients can share one. @throws TriageError `pacs-unreachable` */
  findOfPatient: (patientId: string) => Promise<(FoundStudy & { patient: PatientIdentity })[]>;
  /**
   * Studies with a CT of these days (DICOM DA, both included; `to` null: open).
   * @throws TriageError `pacs-unreachable`, also when there are more than can be read
   */
  findCts: (from: string, to: string | null) => Promise<FoundStudy[]>;
  /**
   * Brings a study to the agent's receiver, which the archive (C-MOVE) or the agent (C-GET) calls by this AE title. `onSent` hears how many objects came so far,
   * where that is known before the end.
   *
   * @throws TriageError `pacs-unreachable`, `receiver-died` when the receiver does not listen
   */
  retrieve: (
    study: AskedStudy,
    receivingAeTitle: string,
    onSent?: (objects: number) => void,
  ) => Promise<RetrieveOutcome>;
}

/** Most studies that are read of one answer. */
export const MOST_MATCHES = 1_000;
/** For the retrieval: an archive has to read a study from its own store before it sends the first object. */
export const RETRIEVE_TIMEOUT_MS = 600_000;

/** Of what was found, the studies with this value: an archive that does not know a key answers with everything it has (PS3.4 C.2.2.1.3). */
export function withValue(
  found: readonly FoundStudy[],
  key: StudyKey,
  value: string,
): { studies: FoundStudy[]; others: number } {
  const studies = found.filter((study) => study[key].trim() === value.trim());
  return { studies, others: found.length - studies.length };
}

/** Of what was found, what may be a CT of these days. */
export function ctsOfDays(found: readonly FoundStudy[], from: string, to: string | null): FoundStudy[] {
  return found.filter(
    ({ studyDate, modalities }) =>
      (studyDate === '' || (studyDate >= from && (to === null || studyDate <= to))) &&
      (modalities.length === 0 || modalities.includes('CT')),
  );
}

/** A range of days as a key (PS3.4 C.2.2.2.5.1). */
export function dayRange(from: string, to: string | null): string {
  return to === from ? from : `${from}-${to ?? ''}`;
}

/** NumberOfStudyRelatedInstances (IS) as a number; null for what is none. */
export function statedNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
