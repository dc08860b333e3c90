import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePart10 } from '../../src/dicom/part10.ts';
import { derivedUid } from '../../src/dicom/uids.ts';

/** A stack of CT slices that a test wants on disk. */
export interface CtSeriesWish {
  /** UIDs and the patient's ID follow from it. */
  key: string;
  slices: number;
  rows: number;
  columns: number;
  /** [between slices, in the plane]. */
  spacingMm: [number, number];
  /** `[row][column]`, Hounsfield units. */
  hu: (index: number) => Int16Array;
  /** Where slice `index` says that it lies, in slices from the lowest; left out: at its index. */
  place?: (index: number) => number;
}

/** Writes an axial series, caudal slice first; its tags claim to be a cervical spine, as careless protocols do. Returns the files. */
export async function writeCtSeries(dir: string, wish: CtSeriesWish): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const { key, rows, columns, spacingMm } = wish;
  const [between, inPlane] = spacingMm;
  const paths: string[] = [];
  for (let index = 0; index < wish.slices; index++) {
    const hu = wish.hu(index);
    const bytes = writePart10({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      SOPInstanceUID: derivedUid(key, 'instance', String(index)),
      StudyInstanceUID: derivedUid(key, 'study'),
      SeriesInstanceUID: derivedUid(key, 'series'),
      FrameOfReferenceUID: derivedUid(key, 'frame'),
      PatientName: 'Stranger^Test',
      PatientID: key.toUpperCase(),
      PatientBirthDate: null,
      PatientSex: null,
      StudyDate: '20120914',
      StudyTime: '151208',
      AccessionNumber: null,
      ReferringPhysicianName: null,
      StudyID: null,
      Manufacturer: null,
      Modality: 'CT',
      BodyPartExamined: 'CSPINE',
      SeriesDescription: 'axial',
      SeriesNumber: '1',
      InstanceNumber: String(index + 1),
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      PatientPosition: 'HFS',
      PositionReferenceIndicator: null,
      AcquisitionNumber: '1',
      KVP: '120',
      ImagePositionPatient: [0, 0, (wish.place?.(index) ?? index) * between],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      PixelSpacing: [inPlane, inPlane],
      SliceThickness: between,
      Rows: rows,
      Columns: columns,
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      BitsAllocated: 16,
      BitsStored: 16,
      HighBit: 15,
      PixelRepresentation: 1,
      RescaleIntercept: '0',
      RescaleSlope: '1',
      RescaleType: 'HU',
      PixelData: new Uint8Array(hu.buffer, hu.byteOffset, hu.byteLength).slice().buffer,
    });
    const path = join(dir, `${String(index).padStart(3, '0')}.dcm`);
    await writeFile(path, bytes);
    paths.push(path);
  }
  return paths;
}
