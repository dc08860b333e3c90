import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { deflateRawSync, deflateSync } from 'node:zlib';
import dcmjsCodecs from 'dcmjs-codecs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseElements } from '../../../src/dicom/elements.ts';
import { TriageError } from '../../../src/base/errors.ts';
import type { StoredLine } from '../../../src/case/triageModel.ts';
import { AIR_HU, MAX_HU, decodeCtSlice, openCtFile } from '../../../src/infer/decodePixels.ts';
import { briefly, soakSeed, soakTimeout, tries } from '../../soakSize.ts';
import { ctFile, dcmtk, patternHu } from './ctFile.ts';
import type { CtFileOptions } from './ctFile.ts';

const ROWS = 48;
const COLUMNS = 60;
const HU = patternHu(ROWS, COLUMNS);

const TAG = {
  orientation: 0x00200037,
  samples: 0x00280002,
  photometric: 0x00280004,
  frames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  spacing: 0x00280030,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  signed: 0x00280103,
  padding: 0x00280120,
  paddingLimit: 0x00280121,
  intercept: 0x00281052,
  slope: 0x00281053,
  rescaleType: 0x00281054,
};

/** 12 bits unsigned, intercept -1024. */
const UNSIGNED: CtFileOptions = {
  rows: ROWS,
  columns: COLUMNS,
  samples: Uint16Array.from(HU, (hu) => hu + 1024),
  change: { [TAG.bitsStored]: ['US', 12], [TAG.highBit]: ['US', 11] },
};
/** 16 bits signed, intercept 0. */
const SIGNED: CtFileOptions = {
  rows: ROWS,
  columns: COLUMNS,
  samples: new Uint16Array(Uint16Array.from(HU, (hu) => hu & 0xffff)),
  change: { [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] },
};

async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await decodeCtSlice(bytes);
    return 'decoded';
  } catch (error) {
    return error instanceof TriageError ? error.code : `not a TriageError: ${String(error)}`;
  }
}

const { NativeCodecs, Context, constants } = dcmjsCodecs;
type Encoder = 'encodeJpeg2000' | 'encodeHtJpeg2000';

function compressed(source: CtFileOptions, encoder: Encoder, parameters: object, bits?: number): Uint8Array {
  const signed = source.change?.[TAG.signed] !== undefined;
  const context = new Context({
    width: COLUMNS,
    height: ROWS,
    bitsAllocated: 16,
    bitsStored: bits ?? (signed ? 16 : 12),
    samplesPerPixel: 1,
    pixelRepresentation: signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    decodedBuffer: new Uint8Array(source.samples!.buffer),
  });
  return NativeCodecs[encoder](context, parameters).getEncodedBuffer()!;
}

function withFrame(source: CtFileOptions, transferSyntaxUid: string, fragments: Uint8Array[]): Uint8Array {
  return ctFile({
    rows: ROWS,
    columns: COLUMNS,
    transferSyntaxUid,
    fragments,
    ...(source.change === undefined ? {} : { change: source.change }),
  });
}

/** The same image in every transfer syntax; `loss` is the greatest difference allowed, HU. */
const SYNTAXES: { name: string; loss: number; make: (source: CtFileOptions) => Uint8Array; unsignedOnly?: boolean }[] =
  [
    { name: 'Implicit VR Little Endian', loss: 0, make: (source) => dcmtk('dcmconv', ['+ti'], ctFile(source)) },
    { name: 'Explicit VR Big Endian', loss: 0, make: (source) => dcmtk('dcmconv', ['+tb'], ctFile(source)) },
    {
      name: 'Deflated Explicit VR Little Endian',
      loss: 0,
      make: (source) => dcmtk('dcmconv', ['+td'], ctFile(source)),
    },
    { name: 'RLE Lossless', loss: 0, make: (source) => dcmtk('dcmcrle', [], ctFile(source)) },
    {
      name: 'JPEG Lossless, any predictor',
      loss: 0,
      make: (source) => dcmtk('dcmcjpeg', ['+el', '+sv', '4'], ctFile(source)),
    },
    { name: 'JPEG Lossless SV1', loss: 0, make: (source) => dcmtk('dcmcjpeg', ['+e1'], ctFile(source)) },
    { name: 'JPEG-LS Lossless', loss: 0, make: (source) => dcmtk('dcmcjpls', ['+el'], ctFile(source)) },
    {
      name: 'JPEG-LS Near-lossless',
      loss: 2,
      make: (source) => dcmtk('dcmcjpls', ['+en', '+md', '2'], ctFile(source)),
      unsignedOnly: true,
    },
    {
      name: 'JPEG 2000 Lossless',
      loss: 0,
      make: (source) =>
        withFrame(source, '1.2.840.10008.1.2.4.90', [compressed(source, 'encodeJpeg2000', { lossy: false })]),
    },
    {
      name: 'JPEG 2000',
      loss: 40,
      make: (source) =>
        withFrame(source, '1.2.840.10008.1.2.4.91', [compressed(source, 'encodeJpeg2000', { lossy: true, rate: 3 })]),
    },
    {
      name: 'HTJ2K Lossless',
      loss: 0,
      make: (source) =>
        withFrame(source, '1.2.840.10008.1.2.4.201', [compressed(source, 'encodeHtJpeg2000', { lossy: false })]),
    },
    {
      name: 'HTJ2K Lossless RPCL',
      loss: 0,
      make: (source) =>
        withFrame(source, '1.2.840.10008.1.2.4.202', [
          compressed(source, 'encodeHtJpeg2000', {
            lossy: false,
            progressionOrder: constants.Jpeg2000ProgressionOrder.Rpcl,
          }),
        ]),
    },
    {
      name: 'HTJ2K',
      loss: 40,
      make: (source) =>
        withFrame(source, '1.2.840.10008.1.2.4.203', [compressed(source, 'encodeHtJpeg2000', { lossy: true })]),
    },
  ];

/** A refused frame ends the codecs' instance; the encoders here need one, which tells of damage as the decoder's own does. */
async function ensureCodecs(): Promise<void> {
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync({ logCodecsInfo: true });
}
beforeAll(ensureCodecs);

/** Signature, file type and image header, as a JP2 file begins. */
const JP2_BOXES = Buffer.from(
  ['0000000c6a5020200d0a870a', '00000014667479706a703220000000006a703220', '0000000f6a70326801020304050607'].join(''),
  'hex',
);

describe('one image in every transfer syntax', () => {
  for (const [kind, source] of [
    ['unsigned', UNSIGNED],
    ['signed', SIGNED],
  ] as const) {
    it(`${kind}: Explicit VR Little Endian`, async () => {
      const slice = await decodeCtSlice(ctFile(source));
      expect([slice.rows, slice.columns, slice.pixelSpacingMm]).toEqual([ROWS, COLUMNS, [0.5, 0.4]]);
      expect(slice.hu).toEqual(Float32Array.from(HU));
    });
    for (const { name, loss, make, unsignedOnly } of SYNTAXES) {
      if (unsignedOnly === true && kind === 'signed') continue;
      it(`${kind}: ${name}`, async () => {
        await ensureCodecs();
        const { hu } = await decodeCtSlice(make(source));
        let worst = 0;
        for (const [index, value] of hu.entries()) worst = Math.max(worst, Math.abs(value - HU[index]!));
        expect(worst).toBeLessThanOrEqual(loss);
      });
    }
  }

  it('12-bit JPEG Extended, as DCMTK decodes it', async () => {
    const file = dcmtk('dcmcjpeg', ['+ee'], ctFile(UNSIGNED));
    expect(parseElements(file).transferSyntaxUid).toBe('1.2.840.10008.1.2.4.51');
    expect((await decodeCtSlice(file)).hu).toEqual((await decodeCtSlice(dcmtk('dcmdjpeg', [], file))).hu);
  });

  it('a frame in several fragments', async () => {
    await ensureCodecs();
    const frame = compressed(UNSIGNED, 'encodeJpeg2000', { lossy: false });
    const half = (frame.length >> 2) << 1;
    const { hu } = await decodeCtSlice(
      withFrame(UNSIGNED, '1.2.840.10008.1.2.4.90', [frame.subarray(0, half), frame.subarray(half)]),
    );
    expect(hu).toEqual(Float32Array.from(HU));
  });

  it('a JPEG 2000 codestream in the boxes of a JP2 file', async () => {
    await ensureCodecs();
    const codestream = compressed(UNSIGNED, 'encodeJpeg2000', { lossy: false });
    const decoded = async (length: Buffer, behind: Buffer): Promise<Float32Array> => {
      const frame = Buffer.concat([JP2_BOXES, length, Buffer.from('jp2c'), behind, codestream]);
      return (await decodeCtSlice(withFrame(UNSIGNED, '1.2.840.10008.1.2.4.90', [frame]))).hu;
    };
    const uint32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
    const nothing = Buffer.alloc(0);
    const long = Buffer.concat([uint32(0), uint32(codestream.length + 16)]);
    for (const [length, behind] of [
      [uint32(codestream.length + 8), nothing],
      [uint32(0), nothing],
      [uint32(1), long],
    ] as const)
      expect(await decoded(length, behind)).toEqual(Float32Array.from(HU));
    expect(await codeOf(withFrame(UNSIGNED, '1.2.840.10008.1.2.4.90', [JP2_BOXES]))).toBe('pixel-data-undecodable');
  });

  it('padding of FF, of a space, or of several zeros behind a JPEG-LS frame', async () => {
    const pixelData = parseElements(dcmtk('dcmcjpls', ['+el'], ctFile(UNSIGNED))).pixelData();
    if (pixelData?.kind !== 'encapsulated') throw new Error('not compressed');
    for (const padding of [[0xff], [0x20], [0xff, 0xff, 0xff], [0, 0, 0, 0], [0, 0xff]]) {
      const frame = Buffer.concat([...pixelData.fragments, Buffer.from(padding)]);
      const { hu } = await decodeCtSlice(withFrame(UNSIGNED, '1.2.840.10008.1.2.4.80', [frame]));
      expect(hu, String(padding)).toEqual(Float32Array.from(HU));
    }
  });

  it('a compressed frame whose precision is greater than BitsStored', async () => {
    await ensureCodecs();
    // 1024 + HU + 8192 needs 14 bits.
    const wide: CtFileOptions = {
      ...UNSIGNED,
      samples: Uint16Array.from(HU, (hu) => hu + 9216),
      change: { ...UNSIGNED.change, [TAG.intercept]: ['DS', '-9216'] },
    };
    const frame = compressed(wide, 'encodeJpeg2000', { lossy: false }, 14);
    const { hu } = await decodeCtSlice(withFrame(wide, '1.2.840.10008.1.2.4.90', [frame]));
    expect(hu).toEqual(Float32Array.from(HU));
  });

  it('a signed compressed frame of whole words whose sign is that of BitsStored', async () => {
    await ensureCodecs();
    const lower: CtFileOptions = {
      ...SIGNED,
      samples: Uint16Array.from(HU, (hu) => hu & 0xfff),
      change: { ...SIGNED.change, [TAG.bitsStored]: ['US', 12], [TAG.highBit]: ['US', 11] },
    };
    const frame = compressed(lower, 'encodeJpeg2000', { lossy: false }, 16);
    const { hu } = await decodeCtSlice(withFrame(lower, '1.2.840.10008.1.2.4.90', [frame]));
    expect(hu).toEqual(Float32Array.from(HU));
  });

  it('refuses fragments that nothing divides into frames', async () => {
    const three = [1, 2, 3].map((value) => new Uint8Array(64).fill(value));
    const change = { [TAG.frames]: ['IS', '2'] } as const;
    await expect(decodeCtSlice(withFrame({ ...UNSIGNED, change }, '1.2.840.10008.1.2.4.90', three))).rejects.toThrow(
      '3 fragments, and nothing says which of them make up each of the 2 frames',
    );
    await expect(
      decodeCtSlice(withFrame({ ...UNSIGNED, change }, '1.2.840.10008.1.2.4.90', three.slice(1))),
    ).rejects.toThrow('A single-frame image with 2 frames is not analysed');
  });

  it('refuses syntaxes that hold no CT or have no codec, and says what to do', async () => {
    for (const uid of ['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.110', '1.2.840.10008.1.2.4.100', '1.2.3']) {
      expect(await codeOf(withFrame(UNSIGNED, uid, [new Uint8Array(100)])), uid).toBe('transfer-syntax-unsupported');
    }
    await expect(decodeCtSlice(withFrame(UNSIGNED, '1.2.840.10008.1.2.4.50', [new Uint8Array(100)]))).rejects.toThrow(
      /let the sender send/,
    );
  });
});

describe('stored values', () => {
  const small = (samples: number[], change: CtFileOptions['change']): Uint8Array =>
    ctFile({
      rows: 1,
      columns: samples.length,
      samples: Uint16Array.from(samples, (value) => value & 0xffff),
      ...(change === undefined ? {} : { change }),
    });
  const hu = async (samples: number[], change: CtFileOptions['change']): Promise<number[]> =>
    Array.from((await decodeCtSlice(small(samples, change))).hu);
  const twelve = { [TAG.bitsStored]: ['US', 12], [TAG.highBit]: ['US', 11] } as const;

  it('extends the sign from BitsStored', async () => {
    expect(
      await hu([0x0fff, 0x0800, 0x07ff], { ...twelve, [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] }),
    ).toEqual([-1, AIR_HU, 2047]);
  });
  it('reads signed words whole when BitsStored is too small for them', async () => {
    const signed = { ...twelve, [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] } as const;
    // 2500 needs the bit that BitsStored gives to the sign, and the sign of -1000 is extended to 16 bits: only one reading fits both.
    expect(await hu([-1000, 2500, 40], signed)).toEqual([-1000, 2500, 40]);
    // Overlay bits say nothing about the sign.
    expect(await hu([-1000, 0x09c4, 0x1028], signed)).toEqual([-1000, AIR_HU, 40]);
  });
  it('masks overlay bits above the sample', async () => {
    expect(await hu([0x1400, 0xf400], twelve)).toEqual([0, 0]);
  });
  it('takes samples that lie high in the word', async () => {
    expect(
      await hu([1024 << 4, (1100 << 4) | 0xf], { [TAG.bitsStored]: ['US', 12], [TAG.highBit]: ['US', 15] }),
    ).toEqual([0, 76]);
  });
  it('takes samples that lie low although HighBit says that they lie high', async () => {
    const high = { [TAG.bitsStored]: ['US', 12], [TAG.highBit]: ['US', 15] } as const;
    expect(await hu([1024, 1100, 3001], high)).toEqual([0, 76, 1977]);
    const signed = { ...high, [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] } as const;
    expect(await hu([-1000, 41, 2000], signed)).toEqual([-1000, 41, 2000]);
  });
  it('applies slope and intercept, and clamps to the range of a CT', async () => {
    expect(await hu([0, 100, 60000], { [TAG.slope]: ['DS', '0.5'], [TAG.intercept]: ['DS', '-1000'] })).toEqual([
      -1000,
      -950,
      MAX_HU,
    ]);
    expect(await hu([0, 10], { [TAG.intercept]: ['DS', '-8192'] })).toEqual([AIR_HU, AIR_HU]);
  });
  it('signed values have their intercept and slope, too', async () => {
    const signed = { [TAG.signed]: ['US', 1] } as const;
    expect(await hu([-24, 1024, 2000], { ...signed, [TAG.intercept]: ['DS', '-1024'] })).toEqual([AIR_HU, 0, 976]);
    expect(await hu([-300, -50, 700], { ...signed, [TAG.slope]: ['DS', '2'], [TAG.intercept]: ['DS', '100'] })).toEqual(
      [-500, 0, 1500],
    );
  });
  it('are the same in a line as in the whole image, also where all words together say how they are read', async () => {
    const signed = { ...twelve, [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] } as const;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'odontoid-line-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    // The words of the second row would be read otherwise without the 2500 of the first. The corner says that -2000 is padding.
    const words = [-2000, 2500, 7, 55, -1000, 41, -90, 12, 300, 8, 90, 61];
    const samples = Uint16Array.from(words, (value) => value & 0xffff);
    await writeFile(
      path.join(folder, 'slice.dcm'),
      ctFile({ rows: 3, columns: 4, samples, change: { ...signed, [TAG.padding]: ['SS', -2000] } }),
    );
    const images = await openCtFile(path.join(folder, 'slice.dcm'));
    const line = async (wish: StoredLine): Promise<number[]> => Array.from(await images.line(wish));
    expect(await line({ row: 1 })).toEqual([-1000, 41, -90, 12]);
    expect(await line({ row: 0 })).toEqual([AIR_HU, 2500, 7, 55]);
    expect(await line({ column: 2 })).toEqual([7, -90, 90]);
    expect(await line({ column: 1 })).toEqual([2500, 41, 8]);
    for (const wish of [{ row: 3 }, { row: -1 }, { column: 4 }, { column: 0.5 }])
      await expect(line(wish)).rejects.toThrow(RangeError);
  });
  it('are slope times value plus intercept, whatever the sign and the bits stored (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          signed: fc.boolean(),
          bitsStored: fc.integer({ min: 10, max: 16 }),
          slope: fc.constantFrom(0.5, 1, 2, -1),
          intercept: fc.integer({ min: -2048, max: 2048 }),
          shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 9 }),
        }),
        async ({ signed, bitsStored, slope, intercept, shares }) => {
          const lowest = signed ? -(2 ** (bitsStored - 1)) : 0;
          const values = shares.map((share) => lowest + Math.floor(share * (2 ** bitsStored - 1)));
          const decoded = await hu(
            values.map((value) => ((value % 2 ** bitsStored) + 2 ** bitsStored) % 2 ** bitsStored),
            {
              [TAG.bitsStored]: ['US', bitsStored],
              [TAG.highBit]: ['US', bitsStored - 1],
              [TAG.signed]: ['US', signed ? 1 : 0],
              [TAG.slope]: ['DS', String(slope)],
              [TAG.intercept]: ['DS', String(intercept)],
            },
          );
          expect(decoded).toEqual(
            values.map((value) => Math.max(AIR_HU, Math.min(MAX_HU, Math.fround(slope * value + intercept)))),
          );
        },
      ),
    );
  });
  it('reads padding as air, alone and as a range, whatever its sign', async () => {
    expect(await hu([63536, 1024], { [TAG.padding]: ['US', 63536] })).toEqual([AIR_HU, 0]);
    // Padding as a whole word beside samples of 12 bits, of which it would be 1072 HU.
    expect(await hu([63536, 1024, 2096], { ...twelve, [TAG.padding]: ['US', 63536] })).toEqual([AIR_HU, 0, 1072]);
    const signed = { [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'] } as const;
    expect(await hu([-2000, 0, 40], { ...signed, [TAG.padding]: ['SS', 0x10000 - 2000] })).toEqual([AIR_HU, 0, 40]);
    // A padding value written as US although the pixels are signed.
    expect(
      await hu([2000, 1995, 1994, 40], { ...signed, [TAG.padding]: ['US', 2000], [TAG.paddingLimit]: ['US', 1995] }),
    ).toEqual([AIR_HU, AIR_HU, 1994, 40]);
  });
  it('takes no tissue for padding: at least a corner of the image is padded', async () => {
    const water = { [TAG.signed]: ['US', 1], [TAG.intercept]: ['DS', '0'], [TAG.padding]: ['SS', 0] } as const;
    expect(await hu([-1000, 0, 40, -990], water)).toEqual([-1000, 0, 40, -990]);
    expect(await hu([0, 0, 40, -990], water)).toEqual([AIR_HU, AIR_HU, 40, -990]);
  });
  it('leaves Hounsfield units alone when they are to be shown inverted (MONOCHROME1)', async () => {
    expect(await hu([24, 1024], { [TAG.photometric]: ['CS', 'MONOCHROME1'] })).toEqual([-1000, 0]);
    // A writer that inverted the values says so by the slope.
    expect(
      await hu([4071, 3071], {
        [TAG.photometric]: ['CS', 'MONOCHROME1'],
        [TAG.slope]: ['DS', '-1'],
        [TAG.intercept]: ['DS', '3071'],
      }),
    ).toEqual([-1000, 0]);
  });
  it('refuses what is not in Hounsfield units', async () => {
    for (const change of [
      { [TAG.slope]: null },
      { [TAG.intercept]: null },
      { [TAG.slope]: ['DS', '0'] },
      { [TAG.slope]: ['DS', 'x'] },
      { [TAG.rescaleType]: ['LO', 'Z_EFF'] },
    ] as CtFileOptions['change'][]) {
      expect(await codeOf(small([1, 2], change)), JSON.stringify(change)).toBe('pixel-data-undecodable');
    }
    for (const type of ['US', 'hu', 'Hu_Mod', ' HU', ''])
      expect(await codeOf(small([1, 2], { [TAG.rescaleType]: ['LO', type] }))).toBe('decoded');
  });
  it('refuses headers that promise something else', async () => {
    const changes: CtFileOptions['change'][] = [
      { [TAG.rows]: ['US', 2] },
      { [TAG.rows]: ['US', 0] },
      { [TAG.rows]: ['US', 65535], [TAG.columns]: ['US', 65535] },
      { [TAG.rows]: null },
      { [TAG.samples]: ['US', 3] },
      { [TAG.bitsAllocated]: ['US', 8] },
      { [TAG.bitsAllocated]: ['US', 32] },
      { [TAG.bitsStored]: ['US', 17] },
      { [TAG.bitsStored]: ['US', 0] },
      { [TAG.highBit]: ['US', 3] },
      { [TAG.signed]: ['US', 2] },
      { [TAG.photometric]: ['CS', 'RGB'] },
      { [TAG.frames]: ['IS', '2'] },
    ];
    for (const change of changes)
      expect(await codeOf(small([1, 2], change)), JSON.stringify(change)).toBe('pixel-data-undecodable');
    expect(await codeOf(ctFile({ rows: 1, columns: 2 }))).toBe('pixel-data-undecodable');
  });
  it('takes one gray sample a pixel for granted where nothing says it', async () => {
    expect(await hu([1024, 1064], { [TAG.samples]: null, [TAG.photometric]: null })).toEqual([0, 40]);
  });
  it('takes a NumberOfFrames of 0 as one frame', async () => {
    expect(await hu([1024, 1064], { [TAG.frames]: ['IS', '0'] })).toEqual([0, 40]);
  });
  it('leaves padding behind the pixels, and refuses more bytes than padding has', async () => {
    const followedBy = (words: number[]): Uint8Array =>
      ctFile({
        rows: 3,
        columns: 4,
        samples: Uint16Array.from([...Array.from({ length: 12 }, (_, at) => 1030 + at), ...words]),
      });
    const pixels = Array.from({ length: 12 }, (_, at) => 6 + at);
    for (const padding of [[0], [0, 0], [0x2020, 7], new Array<number>(40).fill(0)])
      expect(Array.from((await decodeCtSlice(followedBy(padding))).hu), String(padding)).toEqual(pixels);
    // A column or a row more: the matrix is not the one in the header.
    for (const more of [
      [1100, 1101, 1102],
      [0, 0, 0, 1103],
    ])
      expect(await codeOf(followedBy(more)), String(more)).toBe('pixel-data-undecodable');
  });
  it('refuses files that are cut off or no DICOM at all', async () => {
    const whole = ctFile(UNSIGNED);
    for (const bytes of [new Uint8Array(), new Uint8Array(500), whole.subarray(0, 305), whole.subarray(0, -2)])
      expect(await codeOf(bytes)).toBe('dicom-unreadable');
  });
});

describe('orientation', () => {
  /** HU at a place in the patient, so that the expectation needs no transposing. */
  const at = (x: number, y: number): number => 100 + 7 * x + 31 * y;
  const cases: [name: string, cosines: number[]][] = [
    ['head first, supine', [1, 0, 0, 0, 1, 0]],
    ['flipped columns', [-1, 0, 0, 0, 1, 0]],
    ['flipped rows', [1, 0, 0, 0, -1, 0]],
    ['prone', [-1, 0, 0, 0, -1, 0]],
    ['transposed', [0, 1, 0, 1, 0, 0]],
    ['turned left', [0, -1, 0, 1, 0, 0]],
    ['turned right', [0, 1, 0, -1, 0, 0]],
    ['transposed, both flipped', [0, -1, 0, -1, 0, 0]],
  ];
  for (const [name, cosines] of cases) {
    it(`brings ${name} to rows from front to back, columns from right to left`, async () => {
      const [rows, columns] = [3, 5];
      const transposed = cosines[0] === 0;
      const samples = Uint16Array.from({ length: rows * columns }, (_, index) => {
        const [row, column] = [Math.floor(index / columns), index % columns];
        return at(cosines[0]! * column + cosines[3]! * row, cosines[1]! * column + cosines[4]! * row) + 1024;
      });
      const slice = await decodeCtSlice(
        ctFile({ rows, columns, samples, change: { [TAG.orientation]: ['DS', cosines.join('\\')] } }),
      );
      expect([slice.rows, slice.columns, slice.storedRows, slice.storedColumns]).toEqual([
        transposed ? 5 : 3,
        transposed ? 3 : 5,
        3,
        5,
      ]);
      expect(slice.pixelSpacingMm).toEqual(transposed ? [0.4, 0.5] : [0.5, 0.4]);
      const xs = slice.columns - 1;
      const ys = slice.rows - 1;
      const [leastX, leastY] = [
        Math.min(0, (transposed ? cosines[3]! : cosines[0]!) * xs),
        Math.min(0, (transposed ? cosines[1]! : cosines[4]!) * ys),
      ];
      expect(Array.from(slice.hu)).toEqual(
        Array.from(slice.hu, (_, index) =>
          at(leastX + (index % slice.columns), leastY + Math.floor(index / slice.columns)),
        ),
      );
    });
  }

  it('allows a tilted gantry, refuses what is not axial or has no geometry', async () => {
    const change = (orientation: string | null, spacing = '0.5\\0.4'): Uint8Array =>
      ctFile({
        ...UNSIGNED,
        change: {
          ...UNSIGNED.change,
          [TAG.orientation]: orientation === null ? null : ['DS', orientation],
          [TAG.spacing]: ['DS', spacing],
        },
      });
    expect(await codeOf(change('1\\0\\0\\0\\0.9397\\-0.3420'))).toBe('decoded');
    for (const file of [
      change('1\\0\\0\\0\\0\\-1'),
      change('0\\1\\0\\0\\0\\-1'),
      change('0.7071\\0.7071\\0\\-0.7071\\0.7071\\0'),
      change('1\\0\\0\\1\\0\\0'),
      change('0\\0\\0\\0\\0\\0'),
      change(null),
      change('1\\0\\0'),
      change('1\\0\\0\\0\\1\\0', '0\\0.4'),
    ]) {
      expect(await codeOf(file)).toBe('geometry-unusable');
    }
  });
});

describe('what other decoders take', () => {
  const words = new Uint8Array(UNSIGNED.samples!.buffer);
  const HEAD = [0xfe, 0xff, 0x00, 0xe0];
  const item = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([Buffer.from(HEAD), length, bytes]);
  };
  const END = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  const ENDLESS = Buffer.concat([END.subarray(0, 4), Buffer.alloc(4, 0xff)]);
  const NO_TABLE = item(Buffer.alloc(0));
  /** A file whose encapsulated pixel data are these bytes, items and all. */
  const withItems = (uid: string, ...parts: Uint8Array[]): Uint8Array => {
    const empty = withFrame(UNSIGNED, uid, []);
    return Buffer.concat([empty.subarray(0, -16), ...parts]);
  };
  /** Every byte literally, the high bytes first; `over` bytes more than the matrix has. */
  const rleOf = (over: number): Buffer => {
    const segment = (first: number): Buffer => {
      const bytes = [...words.filter((_, index) => index % 2 === first), ...new Array<number>(over).fill(7)];
      const runs: number[][] = [];
      for (let at = 0; at < bytes.length; at += 128) {
        const run = bytes.slice(at, at + 128);
        runs.push([run.length - 1, ...run]);
      }
      return Buffer.from(runs.flat());
    };
    const header = Buffer.alloc(64);
    const high = segment(1);
    [2, 64, 64 + high.length].forEach((value, index) => header.writeUInt32LE(value, 4 * index));
    const frame = Buffer.concat([header, high, segment(0)]);
    return frame.length % 2 === 0 ? frame : Buffer.concat([frame, Buffer.from([0])]);
  };
  const RLE = '1.2.840.10008.1.2.5';
  const J2K = '1.2.840.10008.1.2.4.90';
  const ENCAPSULATED = '1.2.840.10008.1.2.1.98';
  const DEFLATED_FRAME = '1.2.840.10008.1.2.8.1';
  const jpegFrame = (): Uint8Array => {
    const pixelData = parseElements(dcmtk('dcmcjpeg', ['+e1'], ctFile(UNSIGNED))).pixelData();
    if (pixelData?.kind !== 'encapsulated') throw new Error('not compressed');
    return pixelData.fragments[0]!;
  };

  it.each<[string, () => Uint8Array]>([
    ['frames that are encapsulated and not compressed', () => withFrame(UNSIGNED, ENCAPSULATED, [words])],
    ['frames that are deflated one by one', () => withFrame(UNSIGNED, DEFLATED_FRAME, [deflateRawSync(words)])],
    [
      'a zlib header before the deflated data set',
      () => {
        const file = ctFile({ ...UNSIGNED, transferSyntaxUid: '1.2.840.10008.1.2.1.99' });
        const { datasetOffset } = parseElements(ctFile({ ...UNSIGNED, transferSyntaxUid: '1.2.840.10008.1.2.1.94' }));
        return Buffer.concat([file.subarray(0, datasetOffset), deflateSync(file.subarray(datasetOffset))]);
      },
    ],
    ['RLE segments that hold a few bytes more', () => withFrame(UNSIGNED, RLE, [rleOf(3)])],
    ['no item for the offset table', () => withItems(RLE, item(rleOf(0)), END)],
    ['no item for the offset table, JPEG', () => withItems('1.2.840.10008.1.2.4.70', item(jpegFrame()), END)],
    ['an empty fragment at the end', () => withFrame(UNSIGNED, RLE, [rleOf(0), new Uint8Array()])],
    ['no end of the fragments', () => withItems(RLE, NO_TABLE, item(rleOf(0)))],
    ['an end of undefined length', () => withItems(RLE, NO_TABLE, item(rleOf(0)), ENDLESS)],
    ['zeros in place of their end', () => withItems(RLE, NO_TABLE, item(rleOf(0)), Buffer.alloc(24))],
    [
      'signed samples that were compressed as if they had no sign',
      () => withFrame(SIGNED, J2K, [compressed({ ...SIGNED, change: {} }, 'encodeJpeg2000', { lossy: false }, 16)]),
    ],
    ['the name of another JPEG process', () => withFrame(UNSIGNED, '1.2.840.10008.1.2.4.51', [jpegFrame()])],
  ])('%s', async (_, make) => {
    await ensureCodecs();
    expect((await decodeCtSlice(make())).hu).toEqual(Float32Array.from(HU));
  });

  it.each<[string, () => Uint8Array, string]>([
    ['RLE of another matrix', () => withFrame(UNSIGNED, RLE, [rleOf(ROWS)]), 'An RLE segment'],
    ['a cut frame without compression', () => withFrame(UNSIGNED, ENCAPSULATED, [words.subarray(2)]), '48 x 60 needs'],
    [
      'a cut deflated frame',
      () => withFrame(UNSIGNED, DEFLATED_FRAME, [deflateRawSync(words).subarray(0, 90)]),
      'inflated',
    ],
    [
      'a private transfer syntax, not compressed',
      () => ctFile({ ...UNSIGNED, transferSyntaxUid: '1.2.840.113619.5.2' }),
      'Transfer syntax 1.2.840.113619.5.2 cannot be decoded: let the sender send',
    ],
    [
      'what is not compressed under the name of a compression',
      () => ctFile({ ...UNSIGNED, transferSyntaxUid: '1.2.840.10008.1.2.4.80' }),
      'The pixel data are not compressed, the transfer syntax says that they are.',
    ],
    [
      'a signed frame that PixelRepresentation calls unsigned',
      () => withFrame(UNSIGNED, J2K, [compressed(SIGNED, 'encodeJpeg2000', { lossy: false })]),
      'The compressed frame is signed, PixelRepresentation says unsigned.',
    ],
    [
      'a frame of eight bits',
      () => withFrame(UNSIGNED, J2K, [compressed(UNSIGNED, 'encodeJpeg2000', { lossy: false }, 8)]),
      'components of 8 bits; a CT has one of 9 to 16',
    ],
    [
      'a compressed frame in a file that names no transfer syntax',
      () => {
        const file = Buffer.from(withFrame(UNSIGNED, RLE, [rleOf(0)]));
        const at = file.indexOf(Buffer.from('02001000', 'hex'));
        return Buffer.concat([file.subarray(0, at), file.subarray(parseElements(file).datasetOffset)]);
      },
      'the file does not say how (TransferSyntaxUID is missing)',
    ],
  ])('but not %s', async (_, make, why) => {
    await ensureCodecs();
    await expect(decodeCtSlice(make())).rejects.toThrow(why);
  });
});

describe('damaged frames', () => {
  const COMPRESSED = SYNTAXES.filter(({ name }) => /RLE|JPEG|HTJ2K/.test(name));
  const frameOf = (file: Uint8Array): { uid: string; frame: Uint8Array } => {
    const elements = parseElements(file);
    const pixelData = elements.pixelData();
    if (pixelData?.kind !== 'encapsulated') throw new Error('not compressed');
    return { uid: elements.transferSyntaxUid, frame: Buffer.concat(pixelData.fragments) };
  };

  for (const { name, make } of COMPRESSED) {
    it(`${name}: a frame cut anywhere is refused, end marker put back or not`, async () => {
      await ensureCodecs();
      const { uid, frame } = frameOf(make(UNSIGNED));
      for (const share of [0, 0.02, 0.3, 0.5, 0.9, 0.97]) {
        const cut = frame.subarray(0, Math.floor(frame.length * share));
        expect(await codeOf(withFrame(UNSIGNED, uid, [cut])), `${share}`).toBe('pixel-data-undecodable');
        expect(
          await codeOf(withFrame(UNSIGNED, uid, [Buffer.concat([cut, Buffer.from([0xff, 0xd9])])])),
          `${share} with an end`,
        ).toBe('pixel-data-undecodable');
      }
      expect(await codeOf(withFrame(UNSIGNED, uid, []))).toBe('pixel-data-undecodable');
    });

    it(`${name}: a frame of another matrix is refused`, async () => {
      await ensureCodecs();
      const { uid, frame } = frameOf(make(UNSIGNED));
      for (const change of [
        { [TAG.rows]: ['US', ROWS + 1] },
        { [TAG.columns]: ['US', COLUMNS - 1] },
        { [TAG.rows]: ['US', 512], [TAG.columns]: ['US', 512] },
      ] as CtFileOptions['change'][]) {
        expect(
          await codeOf(withFrame({ ...UNSIGNED, change: { ...UNSIGNED.change, ...change } }, uid, [frame])),
          JSON.stringify(change),
        ).toBe('pixel-data-undecodable');
      }
    });

    it(
      `${name}: mutated frames are refused or fill the matrix, and the next whole one decodes`,
      async () => {
        await ensureCodecs();
        const whole = make(UNSIGNED);
        const { uid, frame } = frameOf(whole);
        const mutation = fc.tuple(fc.nat(frame.length - 1), fc.nat(255));
        await fc.assert(
          fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
            const mutated = Uint8Array.from(frame);
            for (const [position, value] of mutations) mutated[position] = value;
            try {
              const { hu } = await decodeCtSlice(withFrame(UNSIGNED, uid, [mutated]));
              expect(hu.length).toBe(ROWS * COLUMNS);
              expect(hu.every((value) => value >= AIR_HU && value <= MAX_HU)).toBe(true);
            } catch (error) {
              if (!(error instanceof TriageError)) throw error;
              expect(error.code).toBe('pixel-data-undecodable');
            }
          }),
          // Not another one each time: a frame at which a decoder hangs hangs the test, too.
          { numRuns: tries('HOSTILE_FRAMES', 40), seed: soakSeed(26) },
        );
        expect(await codeOf(whole)).toBe('decoded');
      },
      soakTimeout(30_000),
    );
  }

  it('a JPEG frame with a marker that has no length before its scan is refused: the decoder never ends at it', async () => {
    const { uid, frame } = frameOf(dcmtk('dcmcjpeg', ['+e1'], ctFile(UNSIGNED)));
    const scan = Buffer.from(frame).indexOf(Buffer.from([0xff, 0xda]));
    for (const marker of [0x01, 0xd0, 0xd7, 0xd8]) {
      for (const position of [2, scan]) {
        const broken = Buffer.concat([
          frame.subarray(0, position),
          Buffer.from([0xff, marker]),
          frame.subarray(position),
        ]);
        expect(await codeOf(withFrame(UNSIGNED, uid, [broken])), `FF${marker.toString(16)} at ${position}`).toBe(
          'pixel-data-undecodable',
        );
      }
    }
  });
});

describe('any bytes', () => {
  it('end in a TriageError or a slice', async () => {
    const whole = ctFile(UNSIGNED);
    const headerLength = whole.length - ROWS * COLUMNS * 2;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(headerLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (mutations) => {
          const mutated = Uint8Array.from(whole);
          for (const [position, value] of mutations) mutated[position] = value;
          expect(await codeOf(mutated)).toMatch(
            /^(decoded|dicom-unreadable|pixel-data-undecodable|transfer-syntax-unsupported|geometry-unusable)$/,
          );
        },
      ),
      { numRuns: briefly(500) },
    );
  });
});
