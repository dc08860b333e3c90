import { createHash } from 'node:crypto';
import type { ResultObject } from '../case/delivery.ts';
import { CODES } from '../dicom/codes.ts';
import {
  sequenceElement,
  textElement,
  textIn,
  withElements,
  writeElementTree,
  type ElementTree,
} from '../dicom/elementTree.ts';
import { writeFileMeta } from '../dicom/fileMeta.ts';
import { KEY_OBJECT_SELECTION_STORAGE } from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { derivedUid } from '../dicom/uids.ts';
import { writeResultFile } from './resultFile.ts';
import {
  codeElement,
  hierarchicalReference,
  readStoredReport,
  sopReference,
  type ResultReference,
} from './storedReport.ts';

/** Attributes of patient, study, equipment, request and time that a note shares with the report that replaces what it rejects. */
const OF_REPORT: ReadonlySet<number> = new Set([
  0x00080005, 0x00080012, 0x00080013, 0x00080020, 0x00080023, 0x00080030, 0x00080033, 0x00080050, 0x00080051,
  0x00080070, 0x00080080, 0x00080090, 0x00080201, 0x00081030, 0x00081032, 0x00081090, 0x00181000, 0x00181002,
  0x00181020, 0x0018a001, 0x0020000d, 0x00200010, 0x00200013, 0x0040a370,
]);
const isOfReport = (tag: number): boolean => OF_REPORT.has(tag) || tag >>> 16 === 0x0010;

type Replaced = ResultReference & Pick<ResultObject, 'kind'>;

/**
 * Writes a Key Object Selection "Rejected for Quality Reasons" (PS3.3 A.35.4, PS3.16 TID 2010; IHE IOCM) for results that `report` replaces, so that an archive
 * shows them no more. Patient, study and time are those of the report; the same report and replaced objects always give the same file.
 *
 * @throws TriageError `report-failed`, `dicom-unreadable`
 */
export async function writeRejectionNote(
  resultsDir: string,
  report: ResultObject,
  replaced: readonly Replaced[],
): Promise<ResultObject> {
  const stored = await readStoredReport(report);
  const seriesInstanceUid = derivedUid('series', report.seriesInstanceUid, 'rejections');
  const note = withElements(
    stored.filter(({ tag }) => isOfReport(tag)),
    [
      textElement(0x00080016, 'UI', KEY_OBJECT_SELECTION_STORAGE),
      textElement(0x00080060, 'CS', 'KO'),
      textElement(0x0008103e, 'LO', 'AI results that were replaced'),
      sequenceElement(0x00081111, []),
      textElement(0x0020000e, 'UI', seriesInstanceUid),
      textElement(0x00200011, 'IS', '9103'),
      textElement(0x0040a040, 'CS', 'CONTAINER'),
      codeElement(0x0040a043, CODES.rejectedForQualityReasons),
      textElement(0x0040a050, 'CS', 'SEPARATE'),
      sequenceElement(0x0040a375, hierarchicalReference(textIn(stored, 0x0020000d), replaced)),
      sequenceElement(0x0040a504, [[textElement(0x00080105, 'CS', 'DCMR'), textElement(0x0040db00, 'CS', '2010')]]),
      sequenceElement(0x0040a730, [
        [
          textElement(0x0040a010, 'CS', 'CONTAINS'),
          textElement(0x0040a040, 'CS', 'TEXT'),
          codeElement(0x0040a043, CODES.keyObjectDescription),
          textElement(0x0040a160, 'UT', 'Replaced by a newer AI result of the same study.'),
        ],
        ...replaced.map(item),
      ]),
    ],
  );
  const digest = createHash('sha256').update(writeElementTree(note, 'explicit')).digest('hex');
  const sopInstanceUid = derivedUid('instance', seriesInstanceUid, digest);
  const identity = {
    kind: 'ko',
    sopClassUid: KEY_OBJECT_SELECTION_STORAGE,
    sopInstanceUid,
    seriesInstanceUid,
    studyInstanceUid: report.studyInstanceUid,
  } as const;
  const bytes = Buffer.concat([
    writeFileMeta({ ...identity, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }),
    writeElementTree(withElements(note, [textElement(0x00080018, 'UI', sopInstanceUid)]), 'explicit'),
  ]);
  return writeResultFile(resultsDir, identity, [bytes]);
}

/** A picture as IMAGE, a document as COMPOSITE, which has no concept name here (TID 2010). */
function item(object: Replaced): ElementTree {
  return [
    sequenceElement(0x00081199, [sopReference(object)]),
    textElement(0x0040a010, 'CS', 'CONTAINS'),
    textElement(0x0040a040, 'CS', object.kind === 'sc' ? 'IMAGE' : 'COMPOSITE'),
  ];
}
