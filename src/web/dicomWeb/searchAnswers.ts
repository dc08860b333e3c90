import type { InstanceHeader } from '../../case/case.ts';
import { personName, type DicomJson } from '../../dicom/dicomJson.ts';
import type { HeldStudy } from '../../worklist/list/heldStudies.ts';

const one = (vr: string, value: string | number | null) =>
  value === null || value === '' ? { vr } : { vr, Value: [value] };
const name = (value: string) => {
  const groups = personName(value);
  return groups === null ? { vr: 'PN' } : { vr: 'PN', Value: [groups] };
};
const HELD_HERE = { '00080056': one('CS', 'ONLINE'), '00080005': one('CS', 'ISO_IR 192') };

/** A study as an answer to a search (PS3.18 table 10.6.3-3). */
export function studyAnswer(study: HeldStudy, root: string): DicomJson {
  return {
    ...HELD_HERE,
    '00080020': one('DA', study.studyDate),
    '00080030': one('TM', study.studyTime),
    '00080050': one('SH', study.accessionNumber),
    '00080061': study.modalities.length === 0 ? { vr: 'CS' } : { vr: 'CS', Value: study.modalities },
    '00081030': one('LO', study.studyDescription),
    '00081190': one('UR', `${root}/studies/${study.studyInstanceUid}`),
    '00100010': name(study.patientName),
    '00100020': one('LO', study.patientId),
    '00100021': one('LO', study.issuerOfPatientId),
    '00100030': one('DA', study.patientBirthDate),
    '00100040': one('CS', study.patientSex),
    '0020000D': one('UI', study.studyInstanceUid),
    '00201206': one('IS', study.seriesCount),
    '00201208': one('IS', study.instanceCount),
  };
}

/** What searches within a study tell of an object; of a result of ours it is read from its file. */
export type SearchedObject = Pick<
  InstanceHeader,
  | 'studyInstanceUid'
  | 'seriesInstanceUid'
  | 'sopInstanceUid'
  | 'sopClassUid'
  | 'modality'
  | 'seriesNumber'
  | 'seriesDescription'
  | 'instanceNumber'
  | 'rows'
  | 'columns'
  | 'numberOfFrames'
> & { transferSyntaxUid: string };

/** A series as an answer to a search (PS3.18 table 10.6.3-4), from its objects. */
export function seriesAnswer(objects: readonly SearchedObject[], root: string): DicomJson {
  const [first] = objects;
  return {
    ...HELD_HERE,
    '00080060': one('CS', first!.modality),
    '0008103E': one('LO', first!.seriesDescription),
    '00081190': one('UR', `${root}/studies/${first!.studyInstanceUid}/series/${first!.seriesInstanceUid}`),
    '0020000D': one('UI', first!.studyInstanceUid),
    '0020000E': one('UI', first!.seriesInstanceUid),
    '00200011': one('IS', first!.seriesNumber),
    '00201209': one('IS', objects.length),
  };
}

/** An instance as an answer to a search (PS3.18 table 10.6.3-5). */
export function instanceAnswer(object: SearchedObject, root: string): DicomJson {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = object;
  return {
    ...HELD_HERE,
    '00080016': one('UI', object.sopClassUid),
    '00080018': one('UI', sopInstanceUid),
    '00080060': one('CS', object.modality),
    '00081190': one(
      'UR',
      `${root}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`,
    ),
    '00083002': one('UI', object.transferSyntaxUid),
    '0020000D': one('UI', studyInstanceUid),
    '0020000E': one('UI', seriesInstanceUid),
    '00200013': one('IS', object.instanceNumber),
    ...(object.rows === null
      ? {}
      : {
          '00280008': one('IS', object.numberOfFrames),
          '00280010': one('US', object.rows),
          '00280011': one('US', object.columns),
        }),
  };
}
