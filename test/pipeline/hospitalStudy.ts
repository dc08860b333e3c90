import { decimalString, writePart10, type Dataset } from '../../src/dicom/part10.ts';
import { derivedUid } from '../../src/dicom/uids.ts';
import type { Phantom } from '../../src/phantom/generatePhantom.ts';

/** What a CT study holds in a hospital's archive. `axialBone` is the series to analyse; no other part may change that. */
export const PARTS = [
  'localizer',
  'contrastTiming',
  'axialBone',
  'axialSoft',
  'axialThick',
  'sagittal',
  'coronal',
  'monoenergetic',
  'iodineMap',
  'projection',
  'doseReport',
  'doseSheet',
  'capture',
  'keyObjects',
  'presentationState',
  'document',
  'rawData',
] as const;
export type Part = (typeof PARTS)[number];

/** How one maker fills in the attributes that the choice of a series rests on. */
interface Habits {
  manufacturer: string;
  /** Values 3 and up of ImageType. */
  axial: readonly string[];
  localizer: readonly string[];
  reformat: readonly string[];
  boneKernel: string | readonly string[];
  softKernel: string | readonly string[];
  boneDescription: string;
  softDescription: string;
  /** SOP class and ImageType of the page with the dose, whose Modality says CT everywhere. */
  doseSheet: { sopClassUid: string; imageType: readonly string[] };
  /** Series numbers grow with the time of reconstruction. */
  numbers: Readonly<Record<'localizer' | 'bone' | 'soft' | 'derived', number>>;
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** As documented in the makers' conformance statements and seen in public files. */
export const MAKERS = {
  siemens: {
    manufacturer: 'SIEMENS',
    axial: ['AXIAL', 'CT_SOM5 SPI'],
    localizer: ['LOCALIZER', 'CT_SOM5 TOP'],
    reformat: ['AXIAL', 'CT_SOM5 MPR'],
    boneKernel: ['Br60f', '3'],
    softKernel: ['Br38f', '3'],
    boneDescription: 'HWS 3.0 Br60 S3',
    softDescription: 'HWS 3.0 Br38 S3',
    doseSheet: { sopClassUid: SECONDARY_CAPTURE, imageType: ['DERIVED', 'SECONDARY', 'OTHER', 'CT_SOM5 PROT'] },
    numbers: { localizer: 1, bone: 3, soft: 2, derived: 4 },
  },
  ge: {
    manufacturer: 'GE MEDICAL SYSTEMS',
    axial: ['AXIAL'],
    localizer: ['LOCALIZER'],
    reformat: ['REFORMATTED', 'AVERAGE'],
    boneKernel: 'BONEPLUS',
    softKernel: 'STANDARD',
    boneDescription: 'C-SPINE BONE',
    softDescription: 'C-SPINE STD',
    doseSheet: { sopClassUid: SECONDARY_CAPTURE, imageType: ['DERIVED', 'SECONDARY', 'SCREEN SAVE'] },
    numbers: { localizer: 1, bone: 2, soft: 3, derived: 400 },
  },
  philips: {
    manufacturer: 'Philips',
    axial: ['AXIAL', 'HELIX'],
    localizer: ['LOCALIZER'],
    reformat: ['MPR'],
    boneKernel: 'YC',
    softKernel: 'B',
    boneDescription: 'Cervical Spine, iDose (4)',
    softDescription: 'Cervical Spine soft, iDose (4)',
    doseSheet: { sopClassUid: CT, imageType: ['DERIVED', 'SECONDARY', 'DOSE_INFO'] },
    numbers: { localizer: 201, bone: 202, soft: 203, derived: 204 },
  },
  canon: {
    manufacturer: 'CANON_MEDICAL_SYSTEMS',
    axial: ['AXIAL'],
    localizer: ['LOCALIZER'],
    reformat: ['MPR'],
    boneKernel: 'FC81',
    softKernel: 'FC18',
    boneDescription: 'C-Spine Bone 3.0',
    softDescription: 'C-Spine Soft 3.0',
    doseSheet: { sopClassUid: SECONDARY_CAPTURE, imageType: ['DERIVED', 'SECONDARY'] },
    numbers: { localizer: 1, bone: 5, soft: 4, derived: 7 },
  },
} as const satisfies Record<string, Habits>;
export type Maker = keyof typeof MAKERS;

export interface HospitalStudyOptions {
  /** The neck; must lie supine, head first. */
  phantom: Phantom;
  /** UIDs follow from it. */
  key: string;
  maker: Maker;
  parts: readonly Part[];
  patientId?: string;
  /** `YYYYMMDDHHMMSS`. */
  studyDateTime: string;
  /** Attributes of every object, over those of the builder. */
  change?: Dataset;
}

export interface HospitalObject {
  part: Part;
  studyInstanceUid: string;
  sopInstanceUid: string;
  bytes: Uint8Array;
}

/** One plane of voxels with where it lies. */
interface Plane {
  hu: Int16Array;
  rows: number;
  columns: number;
  spacingMm: readonly [number, number];
  thicknessMm: number;
  positionMm: readonly number[];
  orientation: readonly number[];
}

const AXIAL = [1, 0, 0, 0, 1, 0];
const CORONAL = [1, 0, 0, 0, 0, -1];
const SAGITTAL = [0, 1, 0, 0, 0, -1];
const REFORMATS = 12;
const TIMING_IMAGES = 24;

/**
 * A CT study as it lies in a hospital's archive, in the order in which a scanner makes it: Part 10 files, Explicit VR Little Endian. The same request
 * gives the same bytes. `axialBone` is the phantom itself.
 */
export function hospitalStudy(options: HospitalStudyOptions): HospitalObject[] {
  const habits: Habits = MAKERS[options.maker];
  return PARTS.filter((part) => options.parts.includes(part)).flatMap((part) =>
    DATASETS[part](options.phantom, habits).map((dataset, index) => object(options, habits, part, dataset, index)),
  );
}

function object(
  { key, patientId = 'HOSPITAL', studyDateTime, change = {} }: HospitalStudyOptions,
  { manufacturer }: Habits,
  part: Part,
  dataset: Dataset,
  index: number,
): HospitalObject {
  const studyInstanceUid = derivedUid('hospital', key, 'study');
  const sopInstanceUid = derivedUid('hospital', key, part, String(index));
  const [date, time] = [studyDateTime.slice(0, 8), studyDateTime.slice(8)];
  const bytes = writePart10({
    SOPClassUID: CT,
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: derivedUid('hospital', key, part),
    SOPInstanceUID: sopInstanceUid,
    PatientName: 'Hospital^Study',
    PatientID: patientId,
    PatientBirthDate: '19610809',
    PatientSex: 'F',
    StudyDate: date,
    StudyTime: time,
    SeriesDate: date,
    ContentDate: date,
    ContentTime: time,
    AcquisitionDate: date,
    AcquisitionTime: time,
    // A localizer is often made before the order has reached the scanner.
    AccessionNumber: part === 'localizer' ? null : 'H2468',
    ReferringPhysicianName: null,
    StudyID: '1',
    StudyDescription: 'CT CERVICAL SPINE WO',
    Modality: 'CT',
    Manufacturer: manufacturer,
    InstanceNumber: String(index + 1),
    ...dataset,
    ...change,
  });
  return { part, studyInstanceUid, sopInstanceUid, bytes };
}

/** The objects of each part, without what all share. */
const DATASETS: Readonly<Record<Part, (phantom: Phantom, habits: Habits) => Dataset[]>> = {
  localizer: (phantom, { localizer, numbers }) =>
    [CORONAL, SAGITTAL].map((orientation) => ({
      ...image(projection(phantom, orientation)),
      ImageType: ['ORIGINAL', 'PRIMARY', ...localizer],
      SeriesNumber: String(numbers.localizer),
      SeriesDescription: 'Topogram 0.6',
    })),
  // Bolus tracking: one table position, again and again.
  contrastTiming: (phantom, { axial, numbers, softKernel }) =>
    Array.from({ length: TIMING_IMAGES }, (_, index) => ({
      ...image({ ...axialPlane(phantom, Math.floor(phantom.slices / 2)), thicknessMm: 4 }),
      ImageType: ['ORIGINAL', 'PRIMARY', ...axial],
      SeriesNumber: String(numbers.derived + 11),
      SeriesDescription: 'Monitoring',
      ConvolutionKernel: softKernel,
      AcquisitionNumber: String(index + 2),
    })),
  axialBone: (phantom, { axial, numbers, boneKernel, boneDescription }) =>
    slicesOf(phantom).map((plane) => ({
      ...image(plane),
      ImageType: ['ORIGINAL', 'PRIMARY', ...axial],
      SeriesNumber: String(numbers.bone),
      SeriesDescription: boneDescription,
      ConvolutionKernel: boneKernel,
      AcquisitionNumber: '1',
    })),
  axialSoft: (phantom, { axial, numbers, softKernel, softDescription }) =>
    slicesOf(phantom).map((plane) => ({
      ...image({ ...plane, hu: smoothed(plane) }),
      ImageType: ['ORIGINAL', 'PRIMARY', ...axial],
      SeriesNumber: String(numbers.soft),
      SeriesDescription: softDescription,
      ConvolutionKernel: softKernel,
      AcquisitionNumber: '1',
    })),
  axialThick: (phantom, { axial, numbers, softKernel, softDescription }) =>
    pairsOf(phantom).map((plane) => ({
      ...image(plane),
      ImageType: ['ORIGINAL', 'PRIMARY', ...axial],
      SeriesNumber: String(numbers.derived + 1),
      SeriesDescription: `${softDescription} thick`,
      ConvolutionKernel: softKernel,
      AcquisitionNumber: '1',
    })),
  sagittal: (phantom, habits) => reformats(phantom, habits, SAGITTAL, 'sag', 2),
  coronal: (phantom, habits) => reformats(phantom, habits, CORONAL, 'cor', 3),
  monoenergetic: (phantom, { axial, numbers, boneKernel, boneDescription }) =>
    slicesOf(phantom).map((plane) => ({
      ...image({ ...plane, hu: plane.hu.map((hu) => (hu > 150 ? Math.min(3_071, 2 * hu) : hu)) }),
      ImageType: ['DERIVED', 'SECONDARY', axial[0]!, 'MONO'],
      SeriesNumber: String(numbers.derived + 4),
      SeriesDescription: `${boneDescription} Monoenergetic 40 keV`,
      ConvolutionKernel: boneKernel,
      AcquisitionNumber: '1',
    })),
  iodineMap: (phantom, { axial, numbers, boneKernel }) =>
    slicesOf(phantom).map((plane) => ({
      ...image({ ...plane, hu: plane.hu.map((hu) => Math.round(hu / 40)) }),
      ImageType: ['DERIVED', 'SECONDARY', axial[0]!],
      RescaleType: 'MGML',
      SeriesNumber: String(numbers.derived + 5),
      SeriesDescription: 'Iodine(Water) bone',
      ConvolutionKernel: boneKernel,
      AcquisitionNumber: '1',
    })),
  projection: (phantom, { numbers, boneKernel }) =>
    slicesOf(phantom).map((plane) => ({
      ...image(plane),
      ImageType: ['DERIVED', 'SECONDARY', 'MIP'],
      SeriesNumber: String(numbers.derived + 6),
      SeriesDescription: 'MIP axial bone',
      ConvolutionKernel: boneKernel,
      AcquisitionNumber: '1',
    })),
  doseReport: (_phantom, { numbers }) => [
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.67',
      Modality: 'SR',
      SeriesNumber: String(numbers.derived + 90),
      SeriesDescription: 'Dose Report SR',
      ValueType: 'CONTAINER',
      ContinuityOfContent: 'SEPARATE',
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      ConceptNameCodeSequence: [code('113701', 'DCM', 'X-Ray Radiation Dose Report')],
    },
  ],
  doseSheet: (_phantom, { doseSheet, numbers }) => [
    {
      ...picture(),
      SOPClassUID: doseSheet.sopClassUid,
      ImageType: doseSheet.imageType,
      SeriesNumber: String(numbers.derived + 91),
      SeriesDescription: 'Patient Protocol',
    },
  ],
  capture: (_phantom, { numbers }) => [
    {
      ...picture(),
      SOPClassUID: SECONDARY_CAPTURE,
      ConversionType: 'WSD',
      SeriesNumber: String(numbers.derived + 92),
      SeriesDescription: 'Screen Save',
    },
  ],
  keyObjects: (_phantom, { numbers }) => [
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.59',
      Modality: 'KO',
      SeriesNumber: String(numbers.derived + 93),
      ValueType: 'CONTAINER',
      ContinuityOfContent: 'SEPARATE',
      ConceptNameCodeSequence: [code('113000', 'DCM', 'Of Interest')],
    },
  ],
  presentationState: (_phantom, { numbers }) => [
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.1',
      Modality: 'PR',
      SeriesNumber: String(numbers.derived + 94),
      ContentLabel: 'BONE',
      ContentDescription: null,
      PresentationCreationDate: '20260102',
      PresentationCreationTime: '0304',
    },
  ],
  document: (_phantom, { numbers }) => [
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.104.1',
      Modality: 'DOC',
      SeriesNumber: String(numbers.derived + 95),
      DocumentTitle: 'Consent',
      MIMETypeOfEncapsulatedDocument: 'application/pdf',
      EncapsulatedDocument: new TextEncoder().encode('%PDF-1.4 nothing').buffer,
    },
  ],
  rawData: (_phantom, { numbers }) => [
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.66',
      SeriesNumber: String(numbers.derived + 96),
      SeriesDescription: 'Scan protocol',
      CreatorVersionUID: derivedUid('hospital', 'raw'),
    },
  ],
};

function code(value: string, scheme: string, meaning: string): Dataset {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

function image(plane: Plane): Dataset {
  return {
    BodyPartExamined: 'CSPINE',
    FrameOfReferenceUID: derivedUid('hospital', 'frame'),
    PositionReferenceIndicator: null,
    PatientPosition: 'HFS',
    KVP: '120',
    SliceThickness: decimalString(plane.thicknessMm),
    ImagePositionPatient: plane.positionMm.map((value) => decimalString(Number(value.toFixed(4)))),
    ImageOrientationPatient: plane.orientation.map(String),
    PixelSpacing: plane.spacingMm.map(decimalString),
    Rows: plane.rows,
    Columns: plane.columns,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleIntercept: '-1024',
    RescaleSlope: '1',
    RescaleType: 'HU',
    PixelData: words(plane.hu),
  };
}

/** A page of text in eight bits of grey. */
function picture(): Dataset {
  return {
    Rows: 16,
    Columns: 16,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: Uint8Array.from({ length: 256 }, (_, index) => index).buffer,
  };
}

function words(hu: Int16Array): ArrayBuffer {
  return Uint16Array.from(hu, (value) => Math.min(4_095, Math.max(0, value + 1_024))).buffer;
}

function axialPlane(phantom: Phantom, slice: number): Plane {
  const { rows, columns, hu, pixelSpacingMm, sliceThicknessMm } = phantom;
  return {
    hu: hu.subarray(slice * rows * columns, (slice + 1) * rows * columns),
    rows,
    columns,
    spacingMm: [pixelSpacingMm, pixelSpacingMm],
    thicknessMm: sliceThicknessMm,
    positionMm: phantom.imagePositionPatientMm(slice),
    orientation: AXIAL,
  };
}

function slicesOf(phantom: Phantom): Plane[] {
  return Array.from({ length: phantom.slices }, (_, slice) => axialPlane(phantom, slice));
}

/** Each two slices averaged into one of twice the thickness. */
function pairsOf(phantom: Phantom): Plane[] {
  return Array.from({ length: Math.floor(phantom.slices / 2) }, (_, pair) => {
    const [above, below] = [axialPlane(phantom, 2 * pair), axialPlane(phantom, 2 * pair + 1)];
    return {
      ...above,
      hu: above.hu.map((value, index) => Math.round((value + below.hu[index]!) / 2)),
      thicknessMm: 2 * above.thicknessMm,
      positionMm: above.positionMm.map((value, axis) => (value + below.positionMm[axis]!) / 2),
    };
  });
}

/** A running mean along the rows, as a soft kernel. */
function smoothed({ hu, columns }: Plane): Int16Array {
  return hu.map((value, index) => {
    const column = index % columns;
    const left = column === 0 ? value : hu[index - 1]!;
    const right = column === columns - 1 ? value : hu[index + 1]!;
    return Math.round((left + value + right) / 3);
  });
}

/** The phantom cut across its slices: planes along the columns of the slices (sagittal) or along their rows (coronal). */
function cuts(phantom: Phantom, orientation: readonly number[], count: number): Plane[] {
  const { rows, columns, slices, hu, pixelSpacingMm, sliceSpacingMm } = phantom;
  const isSagittal = orientation === SAGITTAL;
  const [across, width] = isSagittal ? [columns, rows] : [rows, columns];
  const [x, y, z] = phantom.imagePositionPatientMm(0);
  const step = Math.floor(across / count);
  return Array.from({ length: count }, (_, index) => {
    const at = index * step;
    const plane = new Int16Array(slices * width);
    for (let slice = 0; slice < slices; slice++)
      for (let column = 0; column < width; column++) {
        const [row, col] = isSagittal ? [column, at] : [at, column];
        plane[slice * width + column] = hu[(slice * rows + row) * columns + col]!;
      }
    return {
      hu: plane,
      rows: slices,
      columns: width,
      spacingMm: [sliceSpacingMm, pixelSpacingMm],
      thicknessMm: step * pixelSpacingMm,
      positionMm: isSagittal ? [x + at * pixelSpacingMm, y, z] : [x, y + at * pixelSpacingMm, z],
      orientation,
    };
  });
}

function projection(phantom: Phantom, orientation: readonly number[]): Plane {
  const planes = cuts(phantom, orientation, 16);
  const first = planes[0]!;
  const sums = first.hu.map((_, index) =>
    Math.round(planes.reduce((sum, { hu }) => sum + hu[index]!, 0) / planes.length),
  );
  return { ...first, hu: sums };
}

function reformats(
  phantom: Phantom,
  { reformat, numbers, boneKernel }: Habits,
  orientation: readonly number[],
  name: string,
  number: number,
): Dataset[] {
  return cuts(phantom, orientation, REFORMATS).map((plane) => ({
    ...image(plane),
    ImageType: ['DERIVED', 'SECONDARY', ...reformat],
    SeriesNumber: String(numbers.derived + number),
    SeriesDescription: `C-spine ${name} bone`,
    ConvolutionKernel: boneKernel,
    AcquisitionNumber: '1',
  }));
}
