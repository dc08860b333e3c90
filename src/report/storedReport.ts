import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { TriageError } from '../base/errors.ts';
import type { ResultObject } from '../case/delivery.ts';
import type { Code } from '../dicom/codes.ts';
import {
  readElementTree,
  sequenceElement,
  textElement,
  type ElementTree,
  type TreeElement,
} from '../dicom/elementTree.ts';
import { readFileMetaInformation } from '../dicom/fileMetaReader.ts';

/** The data set of a report that was written earlier. @throws TriageError `report-failed` when its file is gone or is another one, `dicom-unreadable` */
export async function readStoredReport({ path, sha256 }: ResultObject): Promise<ElementTree> {
  const file = await readFile(path).catch((error: unknown) => {
    throw new TriageError('report-failed', 'The stored report cannot be read. Look at the disk of the results.', {
      cause: error,
    });
  });
  // A report that has changed on disk must not become a valid one in another object.
  if (createHash('sha256').update(file).digest('hex') !== sha256)
    throw new TriageError('report-failed', 'The file of the report is not the one that was written. Analyse it again.');
  return readElementTree(file.subarray(readFileMetaInformation(file).datasetOffset));
}

export type ResultReference = Pick<ResultObject, 'sopClassUid' | 'sopInstanceUid' | 'seriesInstanceUid'>;

/** Items of a reference to results of one study, series by series (PS3.3 table C.17-3, Hierarchical SOP Instance Reference). */
export function hierarchicalReference(studyInstanceUid: string, objects: readonly ResultReference[]): ElementTree[] {
  const series = [...new Set(objects.map(({ seriesInstanceUid }) => seriesInstanceUid))];
  return [
    [
      sequenceElement(
        0x00081115,
        series.map((uid) => [
          sequenceElement(
            0x00081199,
            objects.filter(({ seriesInstanceUid }) => seriesInstanceUid === uid).map(sopReference),
          ),
          textElement(0x0020000e, 'UI', uid),
        ]),
      ),
      textElement(0x0020000d, 'UI', studyInstanceUid),
    ],
  ];
}

/** An item of a Referenced SOP Sequence (PS3.3 table 10-11). */
export function sopReference({ sopClassUid, sopInstanceUid }: ResultReference): ElementTree {
  return [textElement(0x00081150, 'UI', sopClassUid), textElement(0x00081155, 'UI', sopInstanceUid)];
}

/** A code sequence with one item (PS3.3 8.8). */
export function codeElement(tag: number, { value, scheme, meaning }: Code): TreeElement {
  return sequenceElement(tag, [
    [
      textElement(0x00080100, 'SH', value),
      textElement(0x00080102, 'SH', scheme),
      textElement(0x00080104, 'LO', meaning),
    ],
  ]);
}
