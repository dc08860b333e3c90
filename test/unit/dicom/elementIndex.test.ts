import { deflateSync } from 'node:zlib';
import dicomParser from 'dicom-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseElements, type Elements } from '../../../src/dicom/elements.ts';
import { readFileHeader, readHeader } from '../../../src/dicom/header.ts';
import { sourceAttributes } from '../../../src/dicom/sourceAttributes.ts';
import { briefly } from '../../soakSize.ts';
import { dcmtk } from '../infer/ctFile.ts';
import { rawPart10, type RawElement } from './rawPart10.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const UIDS: RawElement[] = [
  { tag: 0x00080016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
  { tag: 0x00080018, vr: 'UI', value: '1.2.3.4.5' },
  { tag: 0x00100020, vr: 'LO', value: 'P-7' },
  { tag: 0x0020000d, vr: 'UI', value: '1.2.3.4' },
  { tag: 0x0020000e, vr: 'UI', value: '1.2.3.6' },
];
const PREAMBLE = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);
/** TransferSyntaxUID, Implicit VR Little Endian. */
const IMPLICIT_META = Buffer.concat([Buffer.from('0200100012000000', 'hex'), Buffer.from(`${IMPLICIT}\0`)]);
/** MediaStorageSOPInstanceUID only. */
const NO_SYNTAX = Buffer.concat([PREAMBLE, Buffer.from('0200030055490600312e322e3300', 'hex')]);

const ds = (value: string): RawElement => ({ tag: 0, vr: 'DS', value });
const bytesOf = (vr: string, values: ArrayBufferView<ArrayBuffer>): RawElement => ({
  tag: 0,
  vr,
  value: new Uint8Array(values.buffer),
});

function zlibDeflated(dataSet: Uint8Array): Uint8Array {
  const file = rawPart10(UIDS, { transferSyntaxUid: '1.2.840.10008.1.2.1.99' });
  return Buffer.concat([file.subarray(0, file.indexOf(0x08, 150)), deflateSync(dataSet)]);
}

/** (0011,1010) of undefined length with the VR UN, whose items are in Implicit VR (PS3.5 6.2.2). */
const UN_WITH_IMPLICIT_ITEM = Buffer.from(
  '11001010554e0000fffffffffeff00e0ffffffff080004010400000041424344feff0de000000000feffdde000000000',
  'hex',
);
/** The same in Explicit VR. */
const UN_WITH_EXPLICIT_ITEM = Buffer.from(
  '11001010554e0000fffffffffeff00e0ffffffff080004014c4f040041424344feff0de000000000feffdde000000000',
  'hex',
);
/** (0011,1010) SQ with an item of 12 bytes and a delimiter behind it. */
const CLOSED_ITEM = Buffer.from(
  '1100101053510000fffffffffeff00e00c000000080004014c4f040041424344feff0de000000000feffdde000000000',
  'hex',
);

/** With an element before StudyInstanceUID. */
function withElement(file: Uint8Array, element: Uint8Array): Uint8Array {
  const at = Buffer.from(file).indexOf(Buffer.from('20000d00', 'hex'));
  return Buffer.concat([file.subarray(0, at), element, file.subarray(at)]);
}

/** With AdditionalPatientHistory, eight bytes of this VR. */
const withUnknownVr = (file: Uint8Array, vr: string): Uint8Array =>
  withElement(file, Buffer.concat([Buffer.from('1000b021', 'hex'), Buffer.from(`${vr}\x08\0G0000000`)]));

const sorted = (elements: RawElement[]) => [...elements].sort((a, b) => a.tag - b.tag);

/** Every element with its value or its items, as text. */
function ours(elements: Elements): unknown {
  return elements
    .tags()
    .filter((tag) => tag >>> 16 !== 2)
    .map((tag) => {
      const items = elements.items(tag);
      return [tag, items.length > 0 ? items.map(ours) : Buffer.from(elements.bytes(tag)!).toString('hex')];
    });
}
function theirs(dataSet: dicomParser.DataSet): unknown {
  return Object.values(dataSet.elements)
    .filter(({ tag }) => !tag.startsWith('xfffe') && !tag.startsWith('x0002'))
    .map(({ tag, items, dataOffset, length }) => [
      Number.parseInt(tag.slice(1), 16),
      items !== undefined && items.length > 0
        ? items.map((item) => theirs(item.dataSet!))
        : Buffer.from(dataSet.byteArray.subarray(dataOffset, dataOffset + length)).toString('hex'),
    ]);
}

describe('the elements of a data set', () => {
  const leaf = fc.record({
    vr: fc.constantFrom('LO', 'UI', 'OB', 'UT', 'DS'),
    value: fc.string({ maxLength: 9 }).map((text) => text.replace(/[^\u0020-\u007e]/g, '?')),
  });
  const { data } = fc.letrec<{ data: RawElement[] }>((tie) => ({
    data: fc
      .uniqueArray(
        fc.tuple(
          fc.integer({ min: 0x10, max: 0x40 }).map((element) => 0x00180000 + element),
          fc.oneof(
            { maxDepth: 3 },
            leaf,
            fc.record({
              vr: fc.constant('SQ'),
              value: fc.array(tie('data'), { minLength: 1, maxLength: 3 }),
            }),
          ),
        ),
        { selector: ([tag]) => tag, minLength: 1, maxLength: 5 },
      )
      .map((entries) => sorted(entries.map(([tag, rest]) => ({ tag, ...rest })))),
  }));

  it.each([true, false])('are those that dicom-parser finds, nested as they may be (implicit: %s)', (implicit) => {
    fc.assert(
      fc.property(data, (elements) => {
        const bytes = rawPart10(sorted([...UIDS, ...elements]), { implicit });
        expect(ours(parseElements(bytes))).toEqual(theirs(dicomParser.parseDicom(bytes)));
      }),
      { numRuns: briefly(300) },
    );
  });

  it('may have 64-bit values, which have a long length field', () => {
    const bytes = rawPart10(sorted([...UIDS, { tag: 0x00180010, vr: 'LO', value: 'behind' }]));
    const before = Buffer.from('0a0001105356000008000000ffffffffffffff7f', 'hex');
    const at = Buffer.from(bytes).indexOf(Buffer.from('10002000', 'hex'));
    const whole = Buffer.concat([bytes.subarray(0, at), before, bytes.subarray(at)]);
    expect(parseElements(whole).string(0x00180010)).toBe('behind');
    expect(parseElements(whole).bytes(0x000a1001)).toHaveLength(8);
  });
});

describe('what other toolkits read, is read', () => {
  const dataSetOf = (bytes: Uint8Array) => bytes.subarray(parseElements(bytes).datasetOffset);
  const explicit = rawPart10(UIDS);
  const implicit = rawPart10(UIDS, { implicit: true });

  it.each([
    ['a preamble missing before DICM', explicit.subarray(128)],
    ['preamble and DICM missing', explicit.subarray(132)],
    ['no file meta information, Explicit VR', dataSetOf(explicit)],
    ['no file meta information, Implicit VR', dataSetOf(implicit)],
    ['no file meta information, Explicit VR Big Endian', dataSetOf(dcmtk('dcmconv', ['+tb'], explicit))],
    ['file meta information in Implicit VR, without a preamble', Buffer.concat([IMPLICIT_META, dataSetOf(implicit)])],
    ['DICM, and no file meta information behind it', Buffer.concat([PREAMBLE, dataSetOf(explicit)])],
    ['no TransferSyntaxUID, Explicit VR', Buffer.concat([NO_SYNTAX, dataSetOf(explicit)])],
    ['no TransferSyntaxUID, Implicit VR', Buffer.concat([NO_SYNTAX, dataSetOf(implicit)])],
    ['a zlib header before the deflated data set', zlibDeflated(dataSetOf(explicit))],
    ['a VR that is none ("--")', withUnknownVr(explicit, '--')],
    ['items in Implicit VR in a sequence of VR UN', withElement(explicit, UN_WITH_IMPLICIT_ITEM)],
    ['items in Explicit VR in a sequence of VR UN', withElement(explicit, UN_WITH_EXPLICIT_ITEM)],
    ['an item that is closed although its length is stated', withElement(explicit, CLOSED_ITEM)],
    ['a VR of two spaces', withUnknownVr(explicit, '  ')],
  ])('%s', (_, bytes) => {
    expect(readHeader(bytes)).toMatchObject({ sopInstanceUid: '1.2.3.4.5', patientId: 'P-7' });
  });

  it('an element in Implicit VR among those in Explicit VR, in the beginning of a file that ends within it', () => {
    const long = Buffer.concat([Buffer.from('29001010202001000800', 'hex'), Buffer.alloc(0x12020 - 2, 0x20)]);
    const whole = Buffer.concat([explicit, long, Buffer.from('28001000555302000200', 'hex')]);
    expect(parseElements(whole).tags().at(-1)).toBe(0x00280010);
    expect(() => parseElements(whole.subarray(0, 0x8000), { fileBytes: whole.length })).toThrow('over 8 MiB');
  });

  it('a data set in another VR encoding than the transfer syntax says', () => {
    const meta = (uid: string) => {
      const file = rawPart10(UIDS, { transferSyntaxUid: uid });
      return file.subarray(0, parseElements(file).datasetOffset);
    };
    for (const dataSet of [dataSetOf(explicit), dataSetOf(implicit), dataSetOf(dcmtk('dcmconv', ['+tb'], explicit))])
      for (const uid of [IMPLICIT, EXPLICIT, '1.2.840.10008.1.2.2'])
        expect(readHeader(Buffer.concat([meta(uid), dataSet])).patientId).toBe('P-7');
  });

  it('file meta information once more in the data set: it says nothing, and the data set begins before it', () => {
    const stray = rawPart10([], { transferSyntaxUid: '1.2.840.10008.1.2.4.70' }).subarray(132);
    for (const file of [explicit, implicit]) {
      const { datasetOffset, transferSyntaxUid } = parseElements(file);
      const twice = Buffer.concat([file.subarray(0, datasetOffset), stray, file.subarray(datasetOffset)]);
      const elements = parseElements(twice);
      expect(elements.transferSyntaxUid).toBe(transferSyntaxUid);
      expect(elements.datasetOffset).toBe(datasetOffset);
      expect(readHeader(twice).patientId).toBe('P-7');
    }
  });

  it('UIDs whose components begin with zeros, as they are written', () => {
    const zeros = UIDS.map((element) => (element.tag === 0x0020000d ? { ...element, value: '1.2.03.004' } : element));
    expect(readHeader(rawPart10(zeros)).studyInstanceUid).toBe('1.2.03.004');
  });

  it('UIDs with spaces and NULs around them', () => {
    const padded = UIDS.map((element) =>
      element.tag === 0x0020000d ? { ...element, value: ' 1.2.3.4 \0 \0' } : element,
    );
    expect(readHeader(rawPart10(padded)).studyInstanceUid).toBe('1.2.3.4');
  });

  it.each<[string, number, RawElement, unknown]>([
    ['a decimal comma', 0x00280030, ds('0,43\\0,4'), [0.43, 0.4]],
    ['a comma before three digits', 0x00280030, ds('0,488\\1234,567'), [0.488, 1234.567]],
    ['a comma that may mean thousands', 0x00280030, ds('1,024\\0.4'), null],
    ['a sign, an exponent, tabs and line ends', 0x00280030, ds('+4.3E-1\\\t0.4\r\n'), [0.43, 0.4]],
    ['a backslash behind the last value', 0x00280030, ds('0.43\\0.4\\'), [0.43, 0.4]],
    ['no value between two', 0x00280030, ds('0.43\\\\0.4'), null],
    ['zeros in front', 0x00280030, ds('00.43\\004'), [0.43, 4]],
    ['FD', 0x00280030, bytesOf('FD', new Float64Array([0.43, 0.4])), [0.43, 0.4]],
    ['FL', 0x00280030, bytesOf('FL', new Float32Array([0.5, 0.25])), [0.5, 0.25]],
    ['SL', 0x00280030, bytesOf('SL', new Int32Array([2, 70_000])), [2, 70_000]],
    ['SS', 0x00280030, bytesOf('SS', new Int16Array([-3, 2])), [-3, 2]],
    ['US', 0x00280030, bytesOf('US', new Uint16Array([65_535])), [65_535]],
  ])('a DS written as or with %s', (_, tag, { vr, value }, numbers) => {
    const file = rawPart10(sorted([...UIDS, { tag, vr, value }]));
    expect(parseElements(file).numbers(tag)).toEqual(numbers);
  });

  it.each<[RawElement, number | null]>([
    [{ tag: 0, vr: 'IS', value: '512' }, 512],
    [{ tag: 0, vr: 'DS', value: '512.0' }, 512],
    [bytesOf('UL', new Uint32Array([512])), 512],
    [bytesOf('UL', new Uint32Array([70_000])), null],
    [bytesOf('SS', new Int16Array([-2])), 65_534],
    [{ tag: 0, vr: 'IS', value: 'x' }, null],
  ])('a US written as %o', ({ vr, value }, rows) => {
    expect(parseElements(rawPart10(sorted([...UIDS, { tag: 0x00280010, vr, value }]))).uint16(0x00280010)).toBe(rows);
  });

  it('0 frames as one', () => {
    const none = sorted([...UIDS, { tag: 0x00280008, vr: 'IS', value: '0' }]);
    expect(readHeader(rawPart10(none)).numberOfFrames).toBe(1);
  });
});

describe('a header record is of bounded size', () => {
  const huge = (tag: number, vr: string, value: string) =>
    rawPart10(sorted([...UIDS, { tag, vr, value }]), { implicit: true });
  const sizeOf = (bytes: Uint8Array) => JSON.stringify(readHeader(bytes)).length;

  it.each([
    ['StudyDescription of millions of values', 0x00081030, '\\'.repeat(4_000_000)],
    ['ImageType of millions of values', 0x00080008, 'A\\'.repeat(2_000_000)],
    ['SpecificCharacterSet of millions of values', 0x00080005, '\\ISO_IR 100'.repeat(300_000)],
    ['ImagePositionPatient of millions of values', 0x00200032, '1\\'.repeat(2_000_000)],
    ['Modality of 4 MB', 0x00080060, 'C'.repeat(4_000_000)],
    ['AcquisitionDateTime of 4 MB', 0x0008002a, '1'.repeat(4_000_000)],
  ])('%s', (_, tag, value) => {
    expect(sizeOf(huge(tag, 'LO', value))).toBeLessThan(6_000);
  });

  it.each([
    [0x00100020, 'PatientID'],
    [0x00100010, 'PatientName'],
    [0x00100021, 'IssuerOfPatientID'],
  ])('but no patient is told by a part of %i', (tag, keyword) => {
    const elements = sorted([
      ...UIDS.filter((element) => element.tag !== tag),
      { tag, vr: 'LO', value: 'x'.repeat(1_100) },
    ]);
    expect(() => readHeader(rawPart10(elements))).toThrow(
      expect.objectContaining({ code: 'dicom-mismatch', message: `The ${keyword} is longer than 1024 bytes.` }),
    );
  });

  it('values of a hundred characters travel whole', () => {
    const accession = 'RAD-2026-11-29-00815'.repeat(5);
    expect(readHeader(huge(0x00080050, 'SH', accession)).accessionNumber).toBe(accession);
  });
});

describe('the reason is true', () => {
  it('a header over 8 MiB is not "cut off", and what lies behind what is read may be larger', () => {
    const filler = { vr: 'UN', value: new Uint8Array(9 * 1024 * 1024) };
    const early = rawPart10(sorted([...UIDS, { tag: 0x00090010, ...filler }]));
    expect(() => readHeader(early)).toThrow('The header is over 8 MiB.');
    expect(() => readHeader(early.subarray(0, 8 * 1024 * 1024 + 1_000), early.length)).toThrow(
      'The header is over 8 MiB.',
    );
    const document = rawPart10([...UIDS, { tag: 0x00420011, ...filler }]);
    expect(readHeader(document).patientId).toBe('P-7');
    expect(readHeader(document.subarray(0, 8 * 1024 * 1024 + 1_000), document.length).patientId).toBe('P-7');
    expect(() => readHeader(document.subarray(0, -10))).not.toThrow();
  });
  it('only a sequence that something depends on makes a broken one a reason', () => {
    // ProcedureCodeSequence with an item that is longer than the sequence.
    const broken = Buffer.from('feff00e0ff000000080000010453', 'hex');
    const file = rawPart10(sorted([...UIDS, { tag: 0x00081032, vr: 'SQ', value: '' }]));
    const at = Buffer.from(file).indexOf(Buffer.from('08003210', 'hex')) + 8;
    const whole = Buffer.concat([file.subarray(0, at), Buffer.from([14, 0, 0, 0]), broken, file.subarray(at + 4)]);
    expect(parseElements(whole).string(0x00100020)).toBe('P-7');
    expect(readHeader(whole)).toMatchObject({ patientId: 'P-7', procedureCodes: [] });
    expect(sourceAttributes(whole)).toMatchObject({ PatientID: 'P-7' });
  });
  it('a DICOMDIR is named as one', () => {
    const file = rawPart10([{ tag: 0x00041130, vr: 'CS', value: 'DISC' }]);
    const meta = Buffer.concat([
      PREAMBLE,
      Buffer.from('020002005549140031', 'hex'),
      Buffer.from('.2.840.10008.1.3.10'),
      file.subarray(132 + 12),
    ]);
    expect(() => readFileHeader(meta)).toThrow('A DICOMDIR: the directory of a disc, which holds no image itself.');
  });
  it('a file that ends too early is', () => {
    const bytes = rawPart10([...UIDS, { tag: 0x00420011, vr: 'UN', value: new Uint8Array(1_000) }]);
    expect(() => readHeader(bytes.subarray(0, -10))).toThrow('The file is cut off in element (0042,0011).');
  });
  it('sequences too deep are not "broken"', () => {
    let nested: RawElement[] = [];
    for (let depth = 0; depth < 40; depth++) nested = [{ tag: 0x00081140, vr: 'SQ', value: [nested] }];
    expect(() => readHeader(rawPart10(sorted([...UIDS, ...nested])))).toThrow('nested more than 32 deep');
  });
  it('too many elements', () => {
    const many = Array.from({ length: 70_000 }, (_, index) => ({
      tag: 0x00090000 + 2 * 0x10000 * (index >> 16) + (index & 0xffff),
      vr: 'LO',
      value: '',
    }));
    expect(() => readHeader(rawPart10(sorted([...UIDS, ...many])))).toThrow('over 65536 elements');
  });
});
