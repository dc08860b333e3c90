import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { sha1 } from './sha1.ts';

type Study = Pick<WorklistRow, 'studyInstanceUid' | 'accessionNumber' | 'patientId'> &
  Partial<Pick<WorklistRow, 'keySlices'>>;

/** The site's viewer for one study, at its best key image where the template has a place for it; null without one, or when the study is not named here. */
export function viewerLink(template: string | null, study: Study): string | null {
  if (template === null || study.studyInstanceUid === '') return null;
  const { studyInstanceUid, accessionNumber, patientId, keySlices } = study;
  const keySopInstanceUid = keySlices?.[0]?.sopInstanceUid ?? '';
  const values = {
    studyInstanceUid,
    accessionNumber,
    patientId,
    orthancStudyId: orthancStudyId(study),
    keySopInstanceUid,
  };
  return template.replace(
    /\{(studyInstanceUid|accessionNumber|patientId|orthancStudyId|keySopInstanceUid)\}/g,
    (_, name: keyof typeof values) => encodeURIComponent(values[name]),
  );
}

/** Orthanc's own name for a study (Orthanc Book, "Orthanc identifiers"): its Explorer finds a study by nothing else. */
function orthancStudyId({ patientId, studyInstanceUid }: Study): string {
  return sha1(`${patientId}|${studyInstanceUid}`).match(/.{8}/g)!.join('-');
}
