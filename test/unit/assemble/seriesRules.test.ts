import { describe, expect, it } from 'vitest';
import { orderSlices } from '../../../src/assemble/sliceOrder.ts';
import { DEFAULT_SERIES_RULES, instanceRefusal, seriesRefusal } from '../../../src/assemble/seriesRules.ts';
import type { InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { instanceOf, seriesOf } from './syntheticStudy.ts';

function refusalOf(header: Partial<InstanceHeader>): ReturnType<typeof instanceRefusal> {
  return instanceRefusal(instanceOf(header).header, DEFAULT_SERIES_RULES);
}

describe('instanceRefusal', () => {
  it.each<[string, Partial<InstanceHeader>, string]>([
    ['secondary-capture', { sopClassUid: '1.2.840.10008.5.1.4.1.1.7', modality: 'CT' }, 'a secondary capture'],
    ['secondary-capture', { sopClassUid: '1.2.840.10008.5.1.4.1.1.7.4', modality: 'OT' }, 'a secondary capture'],
    [
      'multi-frame',
      { sopClassUid: '1.2.840.10008.5.1.4.1.1.2.1' },
      'a multi-frame CT that came before this version could read its frames',
    ],
    [
      'multi-frame',
      { numberOfFrames: 300 },
      'a CT image of 300 frames, which do not say where each lies (send it as Enhanced CT, or slice by slice)',
    ],
    ['not-ct', { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34', modality: 'SR' }, 'SR objects'],
    ['not-ct', { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', modality: 'MR' }, 'MR objects'],
    ['not-ct', { sopClassUid: '1.2.840.10008.5.1.4.1.1.66', modality: 'CT' }, 'objects that are no CT images'],
    ['not-ct', { modality: 'PT' }, 'PT objects'],
    ['colour', { samplesPerPixel: 3 }, 'a picture in colour'],
    ['localizer', { imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] }, 'a localizer'],
    ['localizer', { imageType: ['ORIGINAL', 'PRIMARY'], seriesDescription: 'Topogram 0.6 T20f' }, 'a localizer'],
    ['derived', { imageType: ['DERIVED', 'SECONDARY', 'MPR'], sliceThicknessMm: 5 }, 'a 5 mm reformat'],
    ['derived', { imageType: ['DERIVED', 'PRIMARY', 'REFORMATTED', 'AVERAGE'], sliceThicknessMm: null }, 'a reformat'],
    ['derived', { imageType: ['ORIGINAL', 'SECONDARY', 'CT_SOM5 MPR'], sliceThicknessMm: 1 }, 'a 1 mm reformat'],
    ['no-geometry', { imagePositionPatientMm: null }, 'images without a usable position'],
    [
      'no-geometry',
      { imageOrientationPatient: [0, 0, 0, 0, 0, 0], rows: 0 },
      'images without a usable orientation and matrix',
    ],
    ['no-geometry', { pixelSpacingMm: null }, 'images without a usable pixel spacing'],
    ['not-axial', { imageOrientationPatient: [0, 1, 0, 0, 0, -1] }, 'a 1 mm sagittal series'],
    ['not-axial', { imageOrientationPatient: [1, 0, 0, 0, 0, -1], sliceThicknessMm: 0.75 }, 'a 0.75 mm coronal series'],
    ['not-axial', { imageOrientationPatient: [1, 0, 0, 0, Math.SQRT1_2, -Math.SQRT1_2] }, 'a 1 mm oblique series'],
    [
      'rotated',
      { imageOrientationPatient: [Math.SQRT1_2, Math.SQRT1_2, 0, -Math.SQRT1_2, Math.SQRT1_2, 0] },
      'slices turned in their plane by more than 30 degrees',
    ],
    ['too-thick', { sliceThicknessMm: 5 }, 'slices 5 mm thick (at most 4.5 mm)'],
    ['virtual-image', { rescaleType: 'MGML' }, 'a map of materials (RescaleType MGML)'],
    [
      'virtual-image',
      { imageType: ['DERIVED', 'PRIMARY', 'AXIAL'], seriesDescription: 'GSI MD Iodine(Water)' },
      'a map of materials, computed from two energies',
    ],
    [
      'virtual-image',
      { imageType: ['DERIVED', 'PRIMARY', 'AXIAL', 'DE_VNC'] },
      'a map of materials, computed from two energies',
    ],
    [
      'virtual-image',
      { imageType: ['DERIVED', 'SECONDARY', 'SUBTRACTION'] },
      'a picture that was computed from other images',
    ],
    ['virtual-image', { kiloElectronvolt: 40 }, 'a virtual image at 40 keV'],
    ['derived', { imageType: ['DERIVED', 'PRIMARY', 'AXIAL', 'MINIP IMAGE'] }, 'a 1 mm reformat'],
  ])('%s: %o', (code, header, reason) => {
    expect(refusalOf(header)).toEqual({ code, reason });
  });

  it.each<[string, Partial<InstanceHeader>]>([
    ['a plain axial slice', {}],
    ['a later reconstruction', { imageType: ['ORIGINAL', 'SECONDARY', 'AXIAL'] }],
    ['what a lossy archive writes', { imageType: ['DERIVED', 'SECONDARY', 'AXIAL'] }],
    ['a modality in lower case', { modality: 'ct' }],
    ['Hounsfield units written out', { rescaleType: 'Hounsfield' }],
    ['a series with a word of a localizer, whose images say AXIAL', { seriesDescription: 'Bone (scout 1 of 2)' }],
    ['a virtual image whose values are those of a plain scan', { kiloElectronvolt: 70 }],
    [
      'a compressed one with contrast',
      { imageType: ['DERIVED', 'SECONDARY', 'AXIAL'], seriesDescription: 'HALS mit KM Iod' },
    ],
    ['an original with contrast', { seriesDescription: 'Neck, iodine contrast' }],
    ['a description that names another region', { bodyPartExamined: 'CHEST', seriesDescription: 'Head to pelvis' }],
    ['one that was only compressed', { imageType: ['DERIVED', 'PRIMARY', 'AXIAL'] }],
    ['no image type', { imageType: [] }],
    ['a tilted gantry', { imageOrientationPatient: [1, 0, 0, 0, Math.cos(0.4), Math.sin(0.4)] }],
    ['feet first', { imageOrientationPatient: [-1, 0, 0, 0, 1, 0] }],
    ['no thickness', { sliceThicknessMm: null }],
    ['no modality', { modality: '' }],
    ['the thickest allowed', { sliceThicknessMm: 4.5 }],
  ])('lets %s pass', (_name, header) => {
    expect(refusalOf(header)).toBeNull();
  });

  it('follows the site rules', () => {
    const header = instanceOf({
      sliceThicknessMm: 2,
      imageOrientationPatient: [1, 0, 0, 0, Math.cos(0.2), Math.sin(0.2)],
    }).header;
    expect(instanceRefusal(header, { ...DEFAULT_SERIES_RULES, maxSliceThicknessMm: 1.5 })?.code).toBe('too-thick');
    expect(instanceRefusal(header, { ...DEFAULT_SERIES_RULES, axialToleranceDegrees: 10 })?.code).toBe('not-axial');
  });
});

describe('seriesRefusal', () => {
  const refuse = (instances: StoredInstance[]): ReturnType<typeof seriesRefusal> =>
    seriesRefusal({ instances, stack: orderSlices(instances) }, DEFAULT_SERIES_RULES);
  const whole = seriesOf();
  const with10 = (header: Partial<InstanceHeader>): StoredInstance[] =>
    whole.map((one, index) => (index < 10 ? instanceOf({ ...one.header, ...header }) : one));

  it('lets a whole series pass, and a few holes and duplicates', () => {
    expect(refuse(whole)).toBeNull();
    expect(refuse(whole.filter((_, index) => index !== 20 && index !== 21 && index !== 60))).toBeNull();
    expect(refuse([...whole, instanceOf({ ...whole[5]!.header, sopInstanceUid: '1.2.3.4.99999' })])).toBeNull();
    expect(refuse(with10({ imageOrientationPatient: [1, 0, 0, 0, 0.99999, 0.001] }))).toBeNull();
  });

  it.each<[string, StoredInstance[], string]>([
    [
      'content-conflict',
      [...whole, instanceOf({ ...whole[5]!.header, patientAge: '046Y' })],
      'different images under one SOP Instance UID',
    ],
    ['too-few-slices', seriesOf({ slices: 19, spacingMm: 3 }), '19 axial slices (at least 20 needed)'],
    [
      'same-positions',
      Array.from({ length: 40 }, (_, index) => instanceOf({ sopInstanceUid: `1.2.${index + 1}` })),
      '40 slices at 1 position: their ImagePositionPatient is the same, so nothing says where they lie',
    ],
    ['too-many-slices', seriesOf({ slices: 3_001, spacingMm: 0.5 }), '3001 slices (at most 3000)'],
    [
      'overlapping-stacks',
      [
        ...whole,
        ...whole
          .slice(0, 60)
          .map(({ header }) => instanceOf({ ...header, sopInstanceUid: `${header.sopInstanceUid}.1` })),
      ],
      'more than one stack of slices in one series: 60 of 180 slices lie where another one does',
    ],
    ['too-thick', seriesOf({ spacingMm: 5, header: { sliceThicknessMm: 1 } }), 'slices 5 mm apart (at most 4.5 mm)'],
    [
      'irregular-spacing',
      whole.map((one, index) =>
        instanceOf({ ...one.header, imagePositionPatientMm: [0, 0, -index - (index % 10 === 0 ? 0.4 : 0)] }),
      ),
      'slices unevenly spaced: 23 of 119 steps are not 1 mm',
    ],
    ['slices-missing', whole.filter((_, index) => index < 40 || index > 49), 'slices missing: 10 of 120, in 1 gap'],
    ['short-coverage', seriesOf({ slices: 79 }), '79 mm of coverage (at least 80 mm needed)'],
  ])('%s', (code, instances, reason) => {
    expect(refuse(instances)).toEqual({ code, reason });
  });
});
