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
  return template
    .replaceAll('{orthancPage}', orthancPage(study))
    .replace(
      /\{(studyInstanceUid|accessionNumber|patientId|orthancStudyId|keySopInstanceUid)\}/g,
      (_, name: keyof typeof values) => encodeURIComponent(values[name]),
    );
}

/** The page of Orthanc's Explorer: that of the best key image, or of the study where there is none. */
function orthancPage(study: Study): string {
  const { sopInstanceUid = '', seriesInstanceUid = '' } = study.keySlices?.[0] ?? {};
  if (seriesInstanceUid === '') return `study?uuid=${orthancStudyId(study)}`;
  return `instance?uuid=${orthancId(study.patientId, study.studyInstanceUid, seriesInstanceUid, sopInstanceUid)}`;
}

const orthancStudyId = ({ patientId, studyInstanceUid }: Study): string => orthancId(patientId, studyInstanceUid);

/** Orthanc's own name for a study or an image (Orthanc Book, "Orthanc identifiers"): its Explorer finds them by nothing else. */
function orthancId(...uids: string[]): string {
  return sha1(uids.join('|')).match(/.{8}/g)!.join('-');
}
