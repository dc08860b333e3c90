import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../base/clock.ts';
import { dateTimeOf } from '../dicom/dateTimes.ts';
import { decimalString, writePart10, type Dataset } from '../dicom/part10.ts';
import { CT_IMAGE_STORAGE } from '../dicom/sopClasses.ts';
import { derivedUid } from '../dicom/uids.ts';
import type { Phantom } from './generatePhantom.ts';

/** Stored value of 0 HU: 12 unsigned bits then hold -1024 to 3071 HU. */
const ZERO_HU = 1024;

/** The synthetic patient's identity, and where the files go. */
export interface StudyOptions {
  /** Folder for the files; made if missing. */
  readonly dir: string;
  readonly patientName?: string | undefined;
  readonly patientId?: string | undefined;
  readonly accessionNumber?: string | undefined;
  readonly studyDescription?: string | undefined;
  readonly institutionName?: string | undefined;
  /** When it was scanned, `YYYYMMDDHHMMSS`; left out: now, because an agent keeps an old scan as a prior. */
  readonly studyDateTime?: string | undefined;
  /** The UIDs follow from it and from the phantom's parameters. */
  readonly uidSeed?: string | undefined;
}

export interface WrittenStudy {
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly files: readonly {
    readonly path: string;
    readonly sopInstanceUid: string;
    readonly seriesInstanceUid: string;
  }[];
}

/**
 * Writes a phantom as one CT Image (PS3.3 A.3) per slice, in Part 10 files named by instance number.
 * The same phantom and request, `studyDateTime` included, give the same bytes.
 */
export async function writePhantomStudy(phantom: Phantom, options: StudyOptions): Promise<WrittenStudy> {
  await mkdir(options.dir, { recursive: true });
  const study = studyOf(phantom, options);
  const { params } = phantom;
  const seriesInstanceUid = derivedUid('phantom-series', study.key, 'axial');
  const pixels = phantom.rows * phantom.columns;
  const files: WrittenStudy['files'][number][] = [];
  for (let i = 0; i < phantom.slices; i++) {
    const sopInstanceUid = derivedUid('phantom-instance', study.key, 'axial', String(i));
    const file = path.join(options.dir, `IM${String(i + 1).padStart(4, '0')}.dcm`);
    const position = phantom.imagePositionPatientMm(i);
    const dataset: Dataset = {
      ...study.attributes,
      ...imageAttributes(params.acquisition.kvp),
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      SOPInstanceUID: sopInstanceUid,
      SeriesInstanceUID: seriesInstanceUid,
      SeriesNumber: '2',
      SeriesDescription: params.acquisition.kernel === 'bone' ? 'C-Spine axial bone' : 'C-Spine axial soft tissue',
      ConvolutionKernel: params.acquisition.kernel === 'bone' ? 'BONE' : 'SOFT',
      PatientPosition: params.position.patientPosition,
      InstanceNumber: String(i + 1),
      AcquisitionNumber: '1',
      SliceThickness: decimalString(phantom.sliceThicknessMm),
      SpacingBetweenSlices: decimalString(phantom.sliceSpacingMm),
      GantryDetectorTilt: decimalString(params.position.tiltDegrees),
      SliceLocation: decimalString(position[2]),
      ImagePositionPatient: position.map(decimalString),
      ImageOrientationPatient: phantom.imageOrientationPatient.map(decimalString),
      PixelSpacing: [decimalString(phantom.pixelSpacingMm), decimalString(phantom.pixelSpacingMm)],
      Rows: phantom.rows,
      Columns: phantom.columns,
      PixelData: storedPixels(phantom.hu.subarray(i * pixels, (i + 1) * pixels)),
    };
    await writeFile(file, writePart10(dataset));
    files.push({ path: file, sopInstanceUid, seriesInstanceUid });
  }
  return { studyInstanceUid: study.studyInstanceUid, patientId: study.patientId, files };
}

/**
 * Writes a study of the phantom that cannot be analysed: a localizer (projection from the front) and a series of 5 mm
 * sagittal reformats, but no axial series. Needs a phantom that lies supine, head first, without tilt.
 */
export async function writeIneligibleStudy(phantom: Phantom, options: StudyOptions): Promise<WrittenStudy> {
  await mkdir(options.dir, { recursive: true });
  const study = studyOf(phantom, options);
  const { rows, columns, slices, hu, pixelSpacingMm: px, sliceSpacingMm } = phantom;
  const files: WrittenStudy['files'][number][] = [];
  const origin = phantom.imagePositionPatientMm(0);
  const write = async (name: string, series: 'localizer' | 'mpr', index: number, rest: Dataset): Promise<void> => {
    const sopInstanceUid = derivedUid('phantom-instance', study.key, series, String(index));
    const seriesInstanceUid = derivedUid('phantom-series', study.key, series);
    const file = path.join(options.dir, name);
    await writeFile(
      file,
      writePart10({
        ...study.attributes,
        ...imageAttributes(phantom.params.acquisition.kvp),
        SOPInstanceUID: sopInstanceUid,
        SeriesInstanceUID: seriesInstanceUid,
        PatientPosition: 'HFS',
        InstanceNumber: String(index + 1),
        ...rest,
      }),
    );
    files.push({ path: file, sopInstanceUid, seriesInstanceUid });
  };
  const position = (p: readonly number[]): string[] => p.map((value) => decimalString(Math.round(value * 1e5) / 1e5));
  const spacing = [decimalString(sliceSpacingMm), decimalString(px)];

  const scout = new Int16Array(slices * columns);
  for (let slice = 0; slice < slices; slice++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += hu[(slice * rows + row) * columns + column]!;
      scout[slice * columns + column] = Math.round(sum / rows);
    }
  }
  await write('SC0001.dcm', 'localizer', 0, {
    ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'],
    // A projection has no Hounsfield units (PS3.3 C.8.2.1.1.3).
    RescaleType: 'US',
    SeriesNumber: '1',
    SeriesDescription: 'Scout',
    AcquisitionNumber: '1',
    SliceThickness: decimalString(rows * px),
    ImagePositionPatient: position([origin[0], origin[1] + ((rows - 1) / 2) * px, origin[2]]),
    ImageOrientationPatient: ['1', '0', '0', '0', '0', '-1'],
    PixelSpacing: spacing,
    Rows: slices,
    Columns: columns,
    PixelData: storedPixels(scout),
  });

  const thick = Math.max(1, Math.round(5 / px));
  const count = Math.min(12, Math.floor(columns / thick));
  const first = Math.floor((columns - count * thick) / 2);
  for (let k = 0; k < count; k++) {
    const slab = new Int16Array(slices * rows);
    for (let slice = 0; slice < slices; slice++) {
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        const at = (slice * rows + row) * columns + first + k * thick;
        for (let j = 0; j < thick; j++) sum += hu[at + j]!;
        slab[slice * rows + row] = Math.round(sum / thick);
      }
    }
    await write(`MR${String(k + 1).padStart(4, '0')}.dcm`, 'mpr', k, {
      ImageType: ['DERIVED', 'SECONDARY', 'MPR'],
      SeriesNumber: '3',
      SeriesDescription: 'C-Spine sagittal MPR 5mm',
      AcquisitionNumber: '1',
      SliceThickness: decimalString(Math.round(thick * px * 1e5) / 1e5),
      ImagePositionPatient: position([origin[0] + (first + (k + 0.5) * thick - 0.5) * px, origin[1], origin[2]]),
      ImageOrientationPatient: ['0', '1', '0', '0', '0', '-1'],
      PixelSpacing: spacing,
      Rows: slices,
      Columns: rows,
      PixelData: storedPixels(slab),
    });
  }
  return { studyInstanceUid: study.studyInstanceUid, patientId: study.patientId, files };
}

interface Study {
  readonly key: string;
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly attributes: Dataset;
}

/** Patient, study, frame of reference and equipment: the same in every file of the study. */
function studyOf(phantom: Phantom, options: StudyOptions): Study {
  const { params } = phantom;
  const key = JSON.stringify([options.uidSeed ?? '', params]);
  const studyInstanceUid = derivedUid('phantom-study', key);
  const patientId = options.patientId ?? `PH${String(params.seed).padStart(6, '0')}`;
  const dateTime = options.studyDateTime ?? dateTimeOf(systemClock.now());
  const date = dateTime.slice(0, 8);
  const time = dateTime.slice(8);
  return {
    key,
    studyInstanceUid,
    patientId,
    attributes: {
      SOPClassUID: CT_IMAGE_STORAGE,
      PatientName: options.patientName ?? `Phantom^Number ${params.seed}`,
      PatientID: patientId,
      PatientBirthDate: `${Number(date.slice(0, 4)) - params.patient.ageYears - 1}0701`,
      PatientSex: params.patient.sex,
      PatientAge: `${String(params.patient.ageYears).padStart(3, '0')}Y`,
      StudyInstanceUID: studyInstanceUid,
      StudyDate: date,
      StudyTime: time,
      SeriesDate: date,
      SeriesTime: time,
      AcquisitionDate: date,
      AcquisitionTime: time,
      ContentDate: date,
      ContentTime: time,
      AccessionNumber: options.accessionNumber ?? `A${String(params.seed).padStart(7, '0')}`,
      ReferringPhysicianName: null,
      StudyID: String(params.seed % 1e9),
      StudyDescription: options.studyDescription ?? 'CT cervical spine',
      Modality: 'CT',
      BodyPartExamined: 'CSPINE',
      FrameOfReferenceUID: derivedUid('phantom-frame', key),
      PositionReferenceIndicator: null,
      Manufacturer: 'Odontoid',
      ManufacturerModelName: 'Synthetic phantom',
      InstitutionName: options.institutionName ?? 'Synthetic data',
      ImageComments: 'Synthetic image of no real patient',
    },
  };
}

function imageAttributes(kvp: number): Dataset {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleIntercept: String(-ZERO_HU),
    RescaleSlope: '1',
    RescaleType: 'HU',
    WindowCenter: '450',
    WindowWidth: '2000',
    KVP: decimalString(kvp),
  };
}

function storedPixels(hu: Int16Array): ArrayBuffer {
  const stored = new Uint8Array(hu.length * 2);
  const view = new DataView(stored.buffer);
  for (let i = 0; i < hu.length; i++) view.setUint16(2 * i, Math.min(4095, Math.max(0, hu[i]! + ZERO_HU)), true);
  return stored.buffer;
}
