import type { CaseManifest, Findings, InstanceHeader, PatientIdentity, StoredInstance } from '../../case/case.ts';
import type { CaseRecord } from '../../case/caseRecord.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { UNREAD_BEFORE } from '../../dicom/header.ts';
import type { AnalysisRow, CaseRow, InstanceRow } from '../db/schema.ts';

export type PatientColumns = Pick<
  CaseRow,
  'patient_id' | 'issuer_of_patient_id' | 'patient_name' | 'patient_birth_date' | 'patient_sex'
>;

export function patientOf(row: PatientColumns): PatientIdentity {
  return {
    patientId: row.patient_id,
    issuerOfPatientId: row.issuer_of_patient_id,
    patientName: row.patient_name,
    patientBirthDate: row.patient_birth_date,
    patientSex: row.patient_sex,
  };
}

/** A case as the stages see it, from its row and the analysis of its current revision, if there is one. */
export function caseRecordOf(row: CaseRow, analysis: AnalysisRow | undefined): CaseRecord {
  return {
    studyInstanceUid: row.study_instance_uid,
    state: row.state,
    revision: row.revision,
    patient: patientOf(row),
    accessionNumber: row.accession_number,
    studyDate: row.study_date,
    studyTime: row.study_time,
    studyDescription: row.study_description,
    sourceAeTitle: row.source_ae_title,
    calledAeTitle: row.called_ae_title,
    firstReceivedAtMs: row.first_received_at,
    lastReceivedAtMs: row.last_received_at,
    completeHint: row.complete_hint === 1,
    isBrokenOff: row.broken_off_at !== null,
    recency: row.recency,
    isProof: row.proof === 1,
    manifest: analysis?.manifest == null ? null : (JSON.parse(analysis.manifest) as CaseManifest),
    findings: analysis?.findings == null ? null : (JSON.parse(analysis.findings) as Findings),
    quarantineReason: row.quarantine_reason,
    failure:
      row.failure_code === null
        ? null
        : { code: row.failure_code, message: row.failure_message ?? '', stage: row.failure_stage ?? '' },
  };
}

/** A header as it is kept, in JSON. */
export function headerOf(json: string): InstanceHeader {
  return { ...UNREAD_BEFORE, ...(JSON.parse(json) as InstanceHeader) };
}

export function storedInstanceOf(row: InstanceRow): StoredInstance {
  return {
    header: headerOf(row.header),
    path: row.path,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    receivedAtMs: row.received_at,
    sourceAeTitle: row.source_ae_title,
  };
}

/**
 * An object that is in use, as one of the case's patient. Intake sets aside what comes under another patient; where such an object is in use, a person has said
 * that the patients are the same (`releaseQuarantine`): its header then names the patient of the case, and `cameAs` says what its bytes say.
 */
export function asOfPatient(instance: StoredInstance, patient: PatientIdentity): StoredInstance {
  const { header } = instance;
  if (identityDifferences(patient, header).length === 0) return instance;
  const { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex } = header;
  return {
    ...instance,
    header: { ...header, ...patient },
    cameAs: { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex },
  };
}
