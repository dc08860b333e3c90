import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetOffset } from '../../../src/dicom/header.ts';
import { writePart10, type Dataset } from '../../../src/dicom/part10.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../../../src/dicom/transferSyntaxes.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';

export const COMPREHENSIVE_3D_SR = '1.2.840.10008.5.1.4.1.1.88.34';
export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
/** Accented and Japanese, in UTF-8. */
export const PATIENT_NAME = 'Müller^Zoë=山田^太郎';
export const PATIENT_ID = 'ÖD-4711';
export const ACCESSION_NUMBER = 'A-42';

const PIXELS = Uint8Array.from({ length: 256 * 256 * 3 }, (_, byte) => (byte * 7) % 251).buffer;

/** Writes one SR and `captures` Secondary Captures of study number `study` into `dir`, as the report stage would: enough of each for an archive to take it. `overrides` go into the captures, `identity` into all. */
export async function writeSampleResults(
  dir: string,
  study: string,
  captures = 2,
  overrides: Dataset = {},
  identity: Dataset & { StudyInstanceUID?: string } = {},
): Promise<ResultObject[]> {
  await mkdir(dir, { recursive: true });
  const studyInstanceUid = identity.StudyInstanceUID ?? derivedUid('test study', study);
  const shared: Dataset = {
    PatientName: PATIENT_NAME,
    PatientID: PATIENT_ID,
    PatientBirthDate: '19700131',
    PatientSex: 'F',
    StudyInstanceUID: studyInstanceUid,
    StudyID: '',
    StudyDate: '20261123',
    StudyTime: '101500',
    AccessionNumber: ACCESSION_NUMBER,
    ReferringPhysicianName: '',
    ...identity,
  };
  const sr: Dataset = {
    ...shared,
    SOPClassUID: COMPREHENSIVE_3D_SR,
    SOPInstanceUID: derivedUid('test sr', study),
    SeriesInstanceUID: derivedUid('test sr series', study),
    Modality: 'SR',
    SeriesNumber: 9100,
    InstanceNumber: 1,
    ValueType: 'CONTAINER',
    ContinuityOfContent: 'SEPARATE',
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    ConceptNameCodeSequence: [
      { CodeValue: '126000', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Imaging Measurement Report' },
    ],
  };
  const scs = Array.from({ length: captures }, (_, index): Dataset => ({
    ...shared,
    SOPClassUID: SECONDARY_CAPTURE,
    SOPInstanceUID: derivedUid('test sc', study, String(index)),
    SeriesInstanceUID: derivedUid('test sc series', study),
    Modality: 'OT',
    SeriesNumber: 9101,
    InstanceNumber: index + 1,
    ConversionType: 'WSD',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: 256,
    Columns: 256,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: PIXELS,
    ...overrides,
  }));
  return Promise.all(
    [sr, ...scs].map(async (dataset, index): Promise<ResultObject> => {
      const bytes = writePart10(dataset);
      const sopInstanceUid = dataset['SOPInstanceUID'] as string;
      const path = join(dir, `${sopInstanceUid}.dcm`);
      await writeFile(path, bytes);
      return {
        kind: index === 0 ? 'sr' : 'sc',
        sopClassUid: dataset['SOPClassUID'] as string,
        sopInstanceUid,
        seriesInstanceUid: dataset['SeriesInstanceUID'] as string,
        studyInstanceUid,
        transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
        path,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        sizeBytes: bytes.length,
      };
    }),
  );
}

/** The data set of a Part 10 file: what must be the same bytes on both sides; the file meta information is each side's own. */
export async function dataSetBytes(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  return bytes.subarray(datasetOffset(bytes));
}
