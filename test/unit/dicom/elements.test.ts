import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HEADER_BYTES, MAX_INFLATED_BYTES, parseElements } from '../../../src/dicom/elements.ts';
import { writePart10 } from '../../../src/dicom/part10.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { ctFile, dcmtk } from '../infer/ctFile.ts';

const WHOLE = ctFile({
  rows: 2,
  columns: 3,
  samples: Uint16Array.of(1, 2, 3, 4, 5, 6),
  change: {
    0x00080008: ['CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    0x00080005: ['CS', ''],
    0x00280120: ['SS', -2000],
    0x00181030: ['LO', ' padded '],
  },
});

const codeOf = (bytes: Uint8Array, options = {}): string => {
  try {
    parseElements(bytes, options);
    return 'read';
  } catch (error) {
    return error instanceof TriageError ? error.code : `not a TriageError: ${String(error)}`;
  }
};

describe('parseElements', () => {
  const encodings: [name: string, uid: string, bytes: () => Uint8Array][] = [
    ['Explicit VR Little Endian', '1.2.840.10008.1.2.1', () => WHOLE],
    ['Implicit VR Little Endian', '1.2.840.10008.1.2', () => dcmtk('dcmconv', ['+ti'], WHOLE)],
    ['Explicit VR Big Endian', '1.2.840.10008.1.2.2', () => dcmtk('dcmconv', ['+tb'], WHOLE)],
    ['Deflated', '1.2.840.10008.1.2.1.99', () => dcmtk('dcmconv', ['+td'], WHOLE)],
    ['RLE Lossless', '1.2.840.10008.1.2.5', () => dcmtk('dcmcrle', [], WHOLE)],
  ];
  for (const [name, uid, make] of encodings) {
    it(`reads ${name}, and refuses it cut inside any element`, () => {
      const bytes = make();
      const elements = parseElements(bytes);
      expect(elements.transferSyntaxUid).toBe(uid);
      expect(elements.bigEndian).toBe(uid === '1.2.840.10008.1.2.2');
      expect(elements.uint16(0x00280010)).toBe(2);
      expect(elements.int16(0x00280120)).toBe(-2000);
      expect(elements.uint16(0x00280120, 1)).toBeNull();
      expect(elements.numbers(0x00200032)).toEqual([-10, -10, 5]);
      expect(elements.numbers(0x00080008)).toBeNull();
      expect(elements.strings(0x00080008)).toEqual(['ORIGINAL', 'PRIMARY', 'AXIAL']);
      expect(elements.string(0x00181030)).toBe('padded');
      expect([elements.has(0x00080005), elements.string(0x00080005), elements.has(0x00104000)]).toEqual([
        true,
        null,
        false,
      ]);
      expect(elements.bytes(0x00104000)).toBeNull();
      const pixelData = elements.pixelData();
      if (uid === '1.2.840.10008.1.2.5')
        expect(pixelData).toMatchObject({ kind: 'encapsulated', fragments: [expect.any(Uint8Array) as Uint8Array] });
      else expect(pixelData).toMatchObject({ kind: 'native', bytes: { length: 12 } });
      // A cut between two elements is not to be seen; one inside an element always is.
      const accepted = [...bytes.keys()].filter((length) => codeOf(bytes.subarray(0, length)) !== 'dicom-unreadable');
      for (const length of accepted)
        expect(parseElements(bytes.subarray(0, length)).pixelData(), `${length}`).toBeNull();
      expect(accepted.length).toBeLessThan(40);
    });
  }

  it('reads the header of a file whose pixel data have not all arrived', () => {
    const cut = WHOLE.subarray(0, -8);
    expect(codeOf(cut)).toBe('dicom-unreadable');
    expect(parseElements(cut, { stopBeforePixelData: true }).uint16(0x00280011)).toBe(3);
    const deflated = dcmtk('dcmconv', ['+td'], WHOLE);
    expect(parseElements(deflated.subarray(0, -4), { stopBeforePixelData: true }).uint16(0x00280011)).toBe(3);
  });

  it('reads sequences, nested ones too', () => {
    const bytes = writePart10({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      SOPInstanceUID: '1.2.3',
      RequestAttributesSequence: [
        { RequestedProcedureID: 'A', ScheduledProtocolCodeSequence: [{ CodeValue: 'x' }] },
        { RequestedProcedureID: 'B' },
      ],
    });
    for (const file of [
      bytes,
      dcmtk('dcmconv', ['+ti'], bytes),
      dcmtk('dcmconv', ['+tb'], bytes),
      dcmtk('dcmconv', ['+te', '+e'], bytes),
    ]) {
      const items = parseElements(file).items(0x00400275);
      expect(items.map((item) => item.string(0x00401001))).toEqual(['A', 'B']);
      expect(items[0]!.items(0x00400008)[0]!.string(0x00080100)).toBe('x');
      expect(items[1]!.items(0x00400008)).toEqual([]);
    }
  });

  it('gives each refusal its reason', () => {
    expect(() => parseElements(new Uint8Array())).toThrow(/empty/);
    expect(() => parseElements(Buffer.from('<html>'.repeat(100)))).toThrow(/Not a DICOM file/);
    expect(() => parseElements(ctFile({ rows: 1, columns: 1, transferSyntaxUid: '' }))).toThrow(/TransferSyntaxUID/);
    expect(() => parseElements(WHOLE.subarray(0, -1))).toThrow(/cut off/);
    expect(() => parseElements(WHOLE.subarray(0, parseElements(WHOLE).datasetOffset))).toThrow(/no data set/);
  });

  it('survives sequences nested without end, bombs, and headers without end', () => {
    const { datasetOffset } = parseElements(WHOLE);
    const meta = WHOLE.subarray(0, datasetOffset);
    const nest = Buffer.from([
      0x08, 0x00, 0x40, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff,
    ]);
    expect(codeOf(Buffer.concat([meta, Buffer.alloc(nest.length * 200_000, nest)]))).toBe('dicom-unreadable');
    const deflatedMeta = ctFile({ rows: 1, columns: 1, transferSyntaxUid: '1.2.840.10008.1.2.1.99' }).subarray(
      0,
      datasetOffset + 4,
    );
    expect(codeOf(Buffer.concat([deflatedMeta, deflateRawSync(Buffer.alloc(MAX_INFLATED_BYTES + 1))]))).toBe(
      'dicom-unreadable',
    );
    const filler = Buffer.from([0x09, 0x00, 0x01, 0x10, 0x4c, 0x4f, 0, 0]);
    expect(codeOf(Buffer.concat([meta, Buffer.alloc(MAX_HEADER_BYTES + 4, filler)]))).toBe('dicom-unreadable');
  });

  it('ends with a TriageError or an answer on any bytes (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 132, max: WHOLE.length - 1 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 10,
        }),
        (mutations) => {
          const mutated = Uint8Array.from(WHOLE);
          for (const [position, value] of mutations) mutated[position] = value;
          expect(codeOf(mutated)).toMatch(/^(read|dicom-unreadable)$/);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
