import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseElements } from '../../../src/dicom/elements.ts';
import { datasetOffset, readHeader } from '../../../src/dicom/header.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { rawPart10 } from './rawPart10.ts';
import type { RawElement } from './rawPart10.ts';

const ELEMENTS: RawElement[] = [
  { tag: 0x00080005, vr: 'CS', value: '\\ISO 2022 IR 87' },
  { tag: 0x00080008, vr: 'CS', value: 'ORIGINAL\\PRIMARY\\AXIAL' },
  { tag: 0x00080016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
  { tag: 0x00080018, vr: 'UI', value: '1.2.3.4.5' },
  { tag: 0x00080022, vr: 'DA', value: '20260102' },
  { tag: 0x00080032, vr: 'TM', value: '101112.5' },
  { tag: 0x00080050, vr: 'SH', value: 'ACC1' },
  { tag: 0x00080060, vr: 'CS', value: 'CT' },
  { tag: 0x0008103e, vr: 'LO', value: '\x1b$B;3\x1b(B' },
  { tag: 0x00100010, vr: 'PN', value: 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B' },
  { tag: 0x00100020, vr: 'LO', value: 'P-1 ' },
  { tag: 0x00180050, vr: 'DS', value: '1.25' },
  { tag: 0x00180060, vr: 'DS', value: '120' },
  { tag: 0x00181100, vr: 'DS', value: '180.5' },
  { tag: 0x00181210, vr: 'SH', value: 'Br60f\\3' },
  { tag: 0x0020000d, vr: 'UI', value: '1.2.3' },
  { tag: 0x0020000e, vr: 'UI', value: '1.2.3.4' },
  { tag: 0x00200011, vr: 'IS', value: ' 3' },
  { tag: 0x00200012, vr: 'IS', value: '7' },
  { tag: 0x00200013, vr: 'IS', value: '1' },
  { tag: 0x00200032, vr: 'DS', value: '-100\\-120.5\\1e2' },
  { tag: 0x00200037, vr: 'DS', value: '1\\0\\0\\0\\1\\0' },
  { tag: 0x00200100, vr: 'IS', value: '2' },
  { tag: 0x00201002, vr: 'IS', value: '48' },
  { tag: 0x00201209, vr: 'IS', value: '49' },
  { tag: 0x00280010, vr: 'US', value: Uint8Array.of(0, 2) },
  { tag: 0x00280011, vr: 'US', value: Uint8Array.of(0, 1) },
  { tag: 0x00280030, vr: 'DS', value: '0.4\\0.5' },
  { tag: 0x00281054, vr: 'LO', value: 'hu' },
];

function withElement(element: RawElement): RawElement[] {
  return [...ELEMENTS.filter(({ tag }) => tag !== element.tag), element].sort((a, b) => a.tag - b.tag);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TriageError) return error.code;
    throw error;
  }
  return 'none';
}

describe('readHeader', () => {
  it.each<[string, string, number | null]>([
    ['DERIVED\\PRIMARY\\AXIAL\\CT_SOM7 SPI DUAL\\DE_MONO_40', '', 40],
    ['DERIVED\\PRIMARY\\AXIAL', 'C-Spine Monoenergetic 50 keV', 50],
    ['DERIVED\\PRIMARY\\AXIAL', 'Mono+ 70', 70],
    ['ORIGINAL\\PRIMARY\\AXIAL', 'VMI 65keV', 65],
    ['ORIGINAL\\PRIMARY\\AXIAL', 'C-Spine 3.0 Br60', null],
    ['ORIGINAL\\PRIMARY\\AXIAL', 'Monitoring 10 s', null],
  ])('reads the energy of a virtual image from %s and "%s"', (imageType, description, energy) => {
    const elements = [
      ...ELEMENTS.filter(({ tag }) => tag !== 0x00080008 && tag !== 0x0008103e),
      { tag: 0x00080008, vr: 'CS', value: imageType },
      { tag: 0x0008103e, vr: 'LO', value: description },
    ].sort((a, b) => a.tag - b.tag);
    expect(readHeader(rawPart10(elements)).kiloElectronvolt).toBe(energy);
  });

  it('reads the codes of what was asked for and of what was done', () => {
    const code = (value: string) => [[{ tag: 0x00080100, vr: 'SH', value }]];
    const elements = [
      ...ELEMENTS,
      { tag: 0x00081032, vr: 'SQ', value: code('DONE-7') },
      { tag: 0x00321064, vr: 'SQ', value: code('ASKED-3') },
    ].sort((a, b) => a.tag - b.tag);
    expect(readHeader(rawPart10(elements)).procedureCodes).toEqual(['DONE-7', 'ASKED-3']);
  });

  it('reads the priority of what was asked for, where an image has it', () => {
    const elements = [...ELEMENTS, { tag: 0x00401003, vr: 'SH', value: 'STAT ' }].sort((a, b) => a.tag - b.tag);
    expect(readHeader(rawPart10(elements)).requestedProcedurePriority).toBe('STAT');
  });

  it.each([{ implicit: false }, { implicit: true }])('reads every fact, text in its character set (%o)', (options) => {
    expect(readHeader(rawPart10(ELEMENTS, options))).toEqual({
      patientId: 'P-1',
      issuerOfPatientId: '',
      patientName: 'Yamada^Tarou=山田^太郎',
      patientBirthDate: '',
      patientSex: '',
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2.3.4.5',
      studyInstanceUid: '1.2.3',
      seriesInstanceUid: '1.2.3.4',
      frameOfReferenceUid: '',
      transferSyntaxUid: options.implicit ? '1.2.840.10008.1.2' : '1.2.840.10008.1.2.1',
      accessionNumber: 'ACC1',
      studyDate: '',
      studyTime: '',
      studyDescription: '',
      acquisitionDateTime: '20260102101112.5',
      patientAge: '',
      modality: 'CT',
      manufacturer: '',
      manufacturerModelName: '',
      imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      seriesNumber: 3,
      seriesDescription: '山',
      protocolName: '',
      currentPatientLocation: '',
      institutionalDepartmentName: '',
      stationName: '',
      procedureCodes: [],
      bodyPartExamined: '',
      anatomicRegion: '',
      convolutionKernel: 'Br60f\\3',
      instanceNumber: 1,
      acquisitionNumber: 7,
      temporalPosition: 2,
      reconstructionDiameterMm: 180.5,
      kilovoltPeak: 120,
      kiloElectronvolt: null,
      rescaleType: 'HU',
      imagesInAcquisition: 48,
      numberOfSeriesRelatedInstances: 49,
      rows: 512,
      columns: 256,
      numberOfFrames: 1,
      pixelSpacingMm: [0.4, 0.5],
      sliceThicknessMm: 1.25,
      spacingBetweenSlicesMm: null,
      gantryDetectorTiltDegrees: null,
      imagePositionPatientMm: [-100, -120.5, 100],
      imageOrientationPatient: [1, 0, 0, 0, 1, 0],
    });
  });

  it('keeps with a time the offset from UTC that the object states for all of its times', () => {
    const stated = { tag: 0x00080201, vr: 'SH', value: '-0500' };
    const header = readHeader(rawPart10(withElement(stated)));
    expect([header.acquisitionDateTime, header.timezoneOffsetFromUtc]).toEqual(['20260102101112.5-0500', '-0500']);
    const own: RawElement = { tag: 0x0008002a, vr: 'DT', value: '20260102151112+0000' };
    expect(readHeader(rawPart10([...withElement(stated), own].sort((a, b) => a.tag - b.tag))).acquisitionDateTime).toBe(
      '20260102151112+0000',
    );
  });

  it('reads where the patient is, from each of the attributes that may say it', () => {
    const placed = (tag: number, vr: string, value: string) => readHeader(rawPart10(withElement({ tag, vr, value })));
    expect(placed(0x00380300, 'LO', 'ED bay 3').currentPatientLocation).toBe('ED bay 3');
    expect(placed(0x00081040, 'LO', 'Trauma').institutionalDepartmentName).toBe('Trauma');
    expect(placed(0x00081010, 'SH', 'CT2').stationName).toBe('CT2');
  });

  it('reads unusable optional numbers as absent', () => {
    expect(
      readHeader(rawPart10(withElement({ tag: 0x00200032, vr: 'DS', value: '1\\2' }))).imagePositionPatientMm,
    ).toBeNull();
    expect(
      readHeader(rawPart10(withElement({ tag: 0x00200032, vr: 'DS', value: '1\\x\\3' }))).imagePositionPatientMm,
    ).toBeNull();
    expect(
      readHeader(rawPart10(withElement({ tag: 0x00280030, vr: 'DS', value: '0\\0.4' }))).pixelSpacingMm,
    ).toBeNull();
    expect(readHeader(rawPart10(withElement({ tag: 0x00200011, vr: 'IS', value: '1e400' }))).seriesNumber).toBeNull();
  });

  it.each([0x00080016, 0x00080018, 0x0020000d, 0x0020000e])(
    'refuses an object whose UID %i is missing or not one',
    (tag) => {
      expect(codeOf(() => readHeader(rawPart10(ELEMENTS.filter((element) => element.tag !== tag))))).toBe(
        'dicom-mismatch',
      );
      for (const uid of ['', '../../etc/passwd', '1..3', '1.2.', 'a', `1.${'2'.repeat(64)}`, '1.2/3', '1.2\\1.3']) {
        expect(
          codeOf(() => readHeader(rawPart10(withElement({ tag, vr: 'UI', value: uid })))),
          uid,
        ).toBe('dicom-mismatch');
      }
    },
  );

  it('refuses what is not a whole DICOM header, saying so', () => {
    expect(() => readHeader(new Uint8Array())).toThrow('empty');
    expect(() => readHeader(Buffer.from('hello'.repeat(100)))).toThrow('Not a DICOM file');
    const whole = rawPart10(ELEMENTS);
    expect(codeOf(() => readHeader(whole.subarray(0, whole.length - 2)))).toBe('dicom-unreadable');
    expect(codeOf(() => readHeader(whole.subarray(0, datasetOffset(whole))))).toBe('dicom-unreadable');
  });

  it('reads a file cut off inside its pixel data', () => {
    const pixels: RawElement = { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(100_000) };
    const whole = rawPart10([...ELEMENTS, pixels]);
    expect(readHeader(whole.subarray(0, whole.length - 99_000)).sopInstanceUid).toBe('1.2.3.4.5');
  });

  it('survives a sequence nested without end', () => {
    const levels = 200_000;
    const open = Buffer.concat([
      Buffer.from('08004011', 'hex'),
      Buffer.from('SQ\0\0', 'latin1'),
      Buffer.from('fffffffffeff00e0ffffffff', 'hex'),
    ]);
    const nested = Buffer.concat([rawPart10(ELEMENTS.slice(0, 1)), ...Array.from({ length: levels }, () => open)]);
    expect(codeOf(() => readHeader(nested))).toBe('dicom-unreadable');
  });

  it('allocates nothing for a length that is only declared, and not much for a deflated bomb', () => {
    const element = Buffer.from('10001000554e0000feffff7f', 'hex');
    const before = process.memoryUsage().rss;
    expect(codeOf(() => readHeader(Buffer.concat([rawPart10(ELEMENTS.slice(0, 4)), element])))).toBe(
      'dicom-unreadable',
    );
    const deflated = rawPart10([], { transferSyntaxUid: '1.2.840.10008.1.2.1.99' });
    expect(
      codeOf(() => readHeader(Buffer.concat([deflated, deflateRawSync(Buffer.alloc(200_000_000), { level: 1 })]))),
    ).toBe('dicom-unreadable');
    expect(process.memoryUsage().rss - before).toBeLessThan(700_000_000);
  }, 30_000);

  it('answers every cut and every flipped byte with a header or a TriageError', () => {
    const whole = rawPart10([
      ...ELEMENTS,
      {
        tag: 0x00400275,
        vr: 'SQ',
        value: [[{ tag: 0x00401001, vr: 'SH', value: 'RP1' }], [{ tag: 0x00401001, vr: 'SH', value: 'RP2' }]],
      },
    ]);
    const cut = fc.integer({ min: 0, max: whole.length });
    const flips = fc.array(
      fc.tuple(fc.integer({ min: 128, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 })),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(cut, flips, (length, changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        for (const candidate of [bytes, whole.subarray(0, length)]) {
          expect(['none', 'dicom-unreadable', 'dicom-mismatch']).toContain(codeOf(() => readHeader(candidate)));
        }
      }),
      { numRuns: 800 },
    );
  });
});

describe('datasetOffset', () => {
  it('is where the first element behind group 0002 begins', () => {
    const bytes = rawPart10(ELEMENTS);
    const offset = datasetOffset(bytes);
    expect(Buffer.from(bytes.subarray(offset, offset + 4)).toString('hex')).toBe('08000500');
    expect(offset).toBe(parseElements(bytes).datasetOffset);
  });
});
