import type { ResultObject } from '../case/delivery.ts';
import { part10Pieces, type Dataset } from '../dicom/part10.ts';
import { derivedUid } from '../dicom/uids.ts';
import type { InstanceReference } from './contentItems.ts';
import { text } from './derivedHeader.ts';
import { digestOf, writeResultFile } from './resultFile.ts';

/** An object that is being written: how others refer to it, and what it is once it is on disk. */
export interface BegunObject extends InstanceReference {
  written: Promise<ResultObject>;
}

/** Writes the objects of one report, each while the next is made. */
export interface ObjectWriting {
  /**
   * Begins to write an object durably, under a SOP Instance UID that holds a digest of its content, so that two different reports never share one.
   *
   * @throws TriageError `dicom-unwritable`; `written` rejects with `report-failed`
   */
  begin(kind: ResultObject['kind'], content: Dataset, more?: Pick<ResultObject, 'isHeatmap'>): BegunObject;
  /** Resolves when nothing is being written any more. Never rejects. */
  settled(): Promise<void>;
}

export function writeObjectsTo(resultsDir: string): ObjectWriting {
  const writing: Promise<ResultObject>[] = [];
  return {
    begin: (kind, content, more) => {
      const digest = digestOf(part10Pieces({ ...content, SOPInstanceUID: '0.0' }));
      const [sopClassUid, studyInstanceUid, seriesInstanceUid] = [
        text(content['SOPClassUID']),
        text(content['StudyInstanceUID']),
        text(content['SeriesInstanceUID']),
      ];
      const sopInstanceUid = derivedUid('instance', seriesInstanceUid, digest);
      const pieces = part10Pieces({ ...content, SOPInstanceUID: sopInstanceUid });
      const identity = { kind, sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid };
      const written = writeResultFile(resultsDir, identity, pieces).then((object) => ({ ...object, ...more }));
      writing.push(written);
      // It may fail before anybody waits for it.
      written.catch(() => undefined);
      return { sopClassUid, sopInstanceUid, seriesInstanceUid, written };
    },
    settled: async () => {
      await Promise.allSettled(writing);
    },
  };
}
