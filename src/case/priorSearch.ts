import { latestMs } from '../dicom/dateTimes.ts';
import { regionIn } from './bodyRegion.ts';
import type { PatientIdentity } from './case.ts';
import { identityDifferences, samePatientId } from './patientIdentity.ts';

/** A study that an archive has, by what it says of it. */
export interface PriorCandidate {
  studyInstanceUid: string;
  /** DICOM DA. */
  studyDate: string;
  studyDescription: string;
  /** Empty when the archive does not say. */
  modalities: readonly string[];
  patient: PatientIdentity;
}

/** The scan whose priors are looked for. */
export interface ScanWithPriors {
  studyInstanceUid: string;
  /** DICOM DA; empty when its headers do not say. */
  studyDate: string;
  patient: PatientIdentity;
}

export interface PriorLimits {
  mostStudies: number;
  maxAgeYears: number;
  /** A scan that is not older than this would come in as a new one. */
  minAgeMs: number;
}

/** How the patients of studies under this patient's ID differ from them: one entry for each study that is somebody else's. */
export function otherPatients(
  found: readonly Pick<PriorCandidate, 'patient'>[],
  { patient }: Pick<ScanWithPriors, 'patient'>,
): string[] {
  return found
    .filter((one) => samePatientId(one.patient.patientId, patient.patientId))
    .map((one) => identityDifferences(patient, one.patient).join(', '))
    .filter((differences) => differences !== '');
}

const YEAR_MS = 365.25 * 24 * 3_600_000;
const RANK = { neck: 0, unknown: 1, elsewhere: 2 } as const;

/**
 * Which studies are fetched as priors of a scan: CTs of the same patient (the rule of {@link identityDifferences}), scanned before it and within the limits, whose
 * description does not name another body region; those that name the neck first, then the newest.
 */
export function wantedPriors<Candidate extends PriorCandidate>(
  found: readonly Candidate[],
  scan: ScanWithPriors,
  { mostStudies, maxAgeYears, minAgeMs }: PriorLimits,
  nowMs: number,
): Candidate[] {
  const scannedMs = latestMs(scan.studyDate) ?? nowMs;
  const rankOf = ({ studyDescription }: Candidate): number => RANK[regionIn(studyDescription)];
  return found
    .filter((one) => {
      const atMs = latestMs(one.studyDate);
      return (
        one.studyInstanceUid !== scan.studyInstanceUid &&
        (one.modalities.length === 0 || one.modalities.includes('CT')) &&
        atMs !== null &&
        atMs < scannedMs &&
        nowMs - atMs > minAgeMs &&
        nowMs - atMs <= maxAgeYears * YEAR_MS &&
        rankOf(one) < RANK.elsewhere &&
        identityDifferences(scan.patient, one.patient).length === 0
      );
    })
    .sort((a, b) => rankOf(a) - rankOf(b) || b.studyDate.localeCompare(a.studyDate))
    .slice(0, mostStudies);
}
