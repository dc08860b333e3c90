import { createHash } from 'node:crypto';
import type { ResultObject } from '../case/delivery.ts';
import { CODES } from '../dicom/codes.ts';
import {
  sequenceElement,
  sequenceIn,
  textElement,
  textIn,
  withElements,
  writeElementTree,
  type ElementTree,
} from '../dicom/elementTree.ts';
import { writeFileMeta } from '../dicom/fileMeta.ts';
import { SR_STORAGE } from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { derivedUid } from '../dicom/uids.ts';
import { writeResultFile } from './resultFile.ts';
import { codeElement, hierarchicalReference, readStoredReport, type ResultReference } from './storedReport.ts';

const TAG = {
  sopClassUid: 0x00080016,
  sopInstanceUid: 0x00080018,
  studyInstanceUid: 0x0020000d,
  codeValue: 0x00080100,
  measurementUnits: 0x004008ea,
  relationshipType: 0x0040a010,
  valueType: 0x0040a040,
  conceptName: 0x0040a043,
  textValue: 0x0040a160,
  measuredValues: 0x0040a300,
  numericValue: 0x0040a30a,
  predecessors: 0x0040a360,
  contentTemplate: 0x0040a504,
  content: 0x0040a730,
} as const;

/**
 * Writes a stored report once more in another SR class, for a destination that does not take the first (PS3.3 A.35). The content, times and series stay those
 * of the report; only Basic Text SR, which has neither numbers nor coordinates, says numbers as text and leaves the list of images out. The SOP Instance UID
 * contains a digest of the content: the same report, class and predecessor always give the same file.
 *
 * `predecessor`: the report that the destination already has and that this one supersedes; null keeps the one that the report names.
 *
 * @throws TriageError `report-failed`, `dicom-unreadable`
 */
export async function writeSrForm(
  resultsDir: string,
  report: ResultObject,
  sopClassUid: string,
  predecessor: ResultReference | null,
): Promise<ResultObject> {
  const stored = await readStoredReport(report);
  const content = srForm(stored, sopClassUid, predecessor);
  const digest = createHash('sha256')
    .update(writeElementTree(withSopInstanceUid(content, '0.0'), 'explicit'))
    .digest('hex');
  const sopInstanceUid = derivedUid('instance', report.seriesInstanceUid, digest);
  const bytes = Buffer.concat([
    writeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }),
    writeElementTree(withSopInstanceUid(content, sopInstanceUid), 'explicit'),
  ]);
  const { seriesInstanceUid, studyInstanceUid } = report;
  return writeResultFile(resultsDir, { kind: 'sr', sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid }, [
    bytes,
  ]);
}

function withSopInstanceUid(content: ElementTree, uid: string): ElementTree {
  return withElements(content, [textElement(TAG.sopInstanceUid, 'UI', uid)]);
}

function srForm(report: ElementTree, sopClassUid: string, predecessor: ResultReference | null): ElementTree {
  const form = sopClassUid === SR_STORAGE.basicText ? titledAsText(basicText(report)) : report;
  return withElements(form, [
    textElement(TAG.sopClassUid, 'UI', sopClassUid),
    ...(predecessor === null
      ? []
      : [
          sequenceElement(TAG.predecessors, hierarchicalReference(textIn(report, TAG.studyInstanceUid), [predecessor])),
        ]),
  ]);
}

/** Under the title of a measurement report viewers look for regions, and show nothing where there are none (OHIF). */
function titledAsText(report: ElementTree): ElementTree {
  return conceptOf(report) === CODES.imagingMeasurementReport.value
    ? withElements(report, [codeElement(TAG.conceptName, CODES.summary)])
    : report;
}

/** A container with what Basic Text SR allows in it (PS3.3 A.35.1.3.1); its template allows more, so it is not named. */
function basicText(container: ElementTree): ElementTree {
  return withElements(
    container.filter(({ tag }) => tag !== TAG.contentTemplate),
    [sequenceElement(TAG.content, sequenceIn(container, TAG.content).flatMap(asBasicText))],
  );
}

function asBasicText(item: ElementTree): ElementTree[] {
  switch (textIn(item, TAG.valueType)) {
    case 'CONTAINER':
      // Hundreds of links, which viewers of such reports print one by one. The evidence still names every image.
      return conceptOf(item) === CODES.imageLibrary.value ? [] : [basicText(item)];
    case 'NUM':
      return [numberAsText(item)];
    case 'SCOORD':
      return sequenceIn(item, TAG.content).map((image) => imageOf(item, image));
    default:
      return [item];
  }
}

function conceptOf(item: ElementTree): string {
  return textIn(sequenceIn(item, TAG.conceptName)[0] ?? [], TAG.codeValue);
}

function numberAsText(item: ElementTree): ElementTree {
  const measured = sequenceIn(item, TAG.measuredValues)[0] ?? [];
  const unit = textIn(sequenceIn(measured, TAG.measurementUnits)[0] ?? [], TAG.codeValue);
  return withElements(
    item.filter(({ tag }) => tag !== TAG.measuredValues),
    [
      textElement(TAG.valueType, 'CS', 'TEXT'),
      textElement(TAG.textValue, 'UT', `${textIn(measured, TAG.numericValue)} ${unit}`.trim()),
    ],
  );
}

/** The image that a region was selected from, in the region's place. */
function imageOf(region: ElementTree, image: ElementTree): ElementTree {
  return withElements(
    image,
    region.filter(({ tag }) => tag === TAG.conceptName || tag === TAG.relationshipType),
  );
}
