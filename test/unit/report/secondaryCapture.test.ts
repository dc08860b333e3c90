import { expect, it } from 'vitest';
import type { Dataset } from '../../../src/dicom/part10.ts';
import type { Picture } from '../../../src/report/drawing.ts';
import type { ReportContext } from '../../../src/report/derivedHeader.ts';
import { cardCapture, keySliceCapture } from '../../../src/report/secondaryCapture.ts';

const CONTEXT: ReportContext = {
  source: { PatientID: 'P-1', StudyInstanceUID: '1.2.1' },
  studyInstanceUid: '1.2.1',
  device: { manufacturer: 'Maker', modelName: 'Model', softwareVersions: '1', serialNumber: '2', uid: '1.7.1' },
  institutionName: '',
  revision: 3,
  analysedAtMs: 0,
};
const picture = (rows: number, columns: number): Picture => ({
  rgb: Uint8Array.from({ length: rows * columns * 3 }, (_, at) => at + 1),
  rows,
  columns,
});
const PICTURE_ATTRIBUTES = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
  ConversionType: 'WSD',
  BurnedInAnnotation: 'NO',
  PatientOrientation: null,
  SamplesPerPixel: 3,
  PhotometricInterpretation: 'RGB',
  PlanarConfiguration: 0,
  Rows: 2,
  Columns: 3,
  BitsAllocated: 8,
  BitsStored: 8,
  HighBit: 7,
  PixelRepresentation: 0,
};

// PS3.5 8.1.1: an even number of bytes.
it.each([
  [1, 1, [1, 2, 3, 0]],
  [1, 2, [1, 2, 3, 4, 5, 6]],
  [3, 1, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]],
])('the pixels of %d x %d are %j', (rows, columns, bytes) => {
  const capture = cardCapture(CONTEXT, 'card', picture(rows, columns), 'suspected');
  const [pixels] = capture['PixelData'] as unknown as [ArrayBuffer];
  expect([...new Uint8Array(pixels)]).toEqual(bytes);
});

it.each([
  ['suspected', { BodyPartExamined: 'CSPINE' }, { Laterality: null }],
  ['not-suspected', { BodyPartExamined: 'CSPINE' }, { Laterality: null }],
  // What was not analysed may be a head.
  ['not-analysed', { Laterality: null }, { BodyPartExamined: 'CSPINE' }],
] as const)('a card of a scan that is %s', (decision, there, absent) => {
  const capture = cardCapture(CONTEXT, 'card', picture(2, 3), decision);
  expect(capture).toMatchObject({
    ...PICTURE_ATTRIBUTES,
    ...there,
    PatientID: 'P-1',
    SeriesDescription: 'AI C-spine triage card (NOT DIAGNOSTIC)',
    InstanceNumber: 1,
    ImageType: ['DERIVED', 'SECONDARY', 'AI_SUMMARY'],
    DerivationDescription: 'Summary of an automatic analysis. NOT FOR DIAGNOSTIC USE.',
  });
  for (const keyword of [...Object.keys(absent), 'ImagePositionPatient', 'SourceImageSequence'])
    expect(capture).not.toHaveProperty(keyword);
});

it('a key slice lies where its source lies, and says which that is', () => {
  const place: Dataset = {
    FrameOfReferenceUID: '1.6.1',
    PositionReferenceIndicator: 'SN',
    ImagePositionPatient: [-20, -30, -9],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [0.4, 0.5],
    SliceThickness: 1.25,
    LossyImageCompression: '01',
    LossyImageCompressionRatio: 9.5,
  };
  const source = { ...place, LossyImageCompressionMethod: '', SeriesInstanceUID: '1.4.1', Rows: 99, WindowWidth: 400 };
  const slice = {
    sopClassUid: '1.1.1',
    sopInstanceUid: '1.3.1',
    frameNumber: 6,
    path: 'a',
    sha256: 'b',
    positionMm: 1,
  };
  const capture = keySliceCapture(CONTEXT, 4, picture(2, 3), slice, source);
  expect(capture).toMatchObject({
    ...PICTURE_ATTRIBUTES,
    ...place,
    BodyPartExamined: 'CSPINE',
    SeriesDescription: 'AI C-spine attention map (NOT DIAGNOSTIC)',
    InstanceNumber: 4,
    ImageType: ['DERIVED', 'SECONDARY', 'AI_HEATMAP'],
    DerivationDescription: 'Where the model responded. Not a fracture outline. NOT FOR DIAGNOSTIC USE.',
    DerivationCodeSequence: [{ CodeValue: '130403', CodingSchemeDesignator: 'DCM' }],
    SourceImageSequence: [
      {
        ReferencedSOPClassUID: '1.1.1',
        ReferencedSOPInstanceUID: '1.3.1',
        ReferencedFrameNumber: '6',
        SpatialLocationsPreserved: 'YES',
        PurposeOfReferenceCodeSequence: [{ CodeValue: '121322', CodingSchemeDesignator: 'DCM' }],
      },
    ],
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: '1.4.1',
        ReferencedInstanceSequence: [{ ReferencedSOPClassUID: '1.1.1', ReferencedSOPInstanceUID: '1.3.1' }],
      },
    ],
  });
  for (const keyword of ['LossyImageCompressionMethod', 'WindowWidth', 'Laterality'])
    expect(capture).not.toHaveProperty(keyword);
});
