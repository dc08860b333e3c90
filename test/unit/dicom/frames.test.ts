import { describe, expect, it } from 'vitest';
import { headersOfImages } from '../../../src/case/frames.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { rawPart10, type RawElement } from './rawPart10.ts';

const us = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
const ul = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const group = (tag: number, ...elements: RawElement[]): RawElement => ({ tag, vr: 'SQ', value: [elements] });
const position = (z: number): RawElement =>
  group(0x00209113, { tag: 0x00200032, vr: 'DS', value: `-90\\-110.5\\${z}` });
const frameType = (type: string, ...more: RawElement[]): RawElement =>
  group(0x00189329, { tag: 0x00089007, vr: 'CS', value: type }, ...more);

function enhanced(frames: RawElement[][], shared: RawElement[] = [], more: RawElement[] = []): Uint8Array {
  const elements: RawElement[] = [
    { tag: 0x00080008, vr: 'CS', value: 'MIXED\\PRIMARY\\VOLUME\\NONE' },
    { tag: 0x00080016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2.1' },
    { tag: 0x00080018, vr: 'UI', value: '1.2.3.4.5' },
    { tag: 0x0008002a, vr: 'DT', value: '20260102101112' },
    { tag: 0x0020000d, vr: 'UI', value: '1.2.3' },
    { tag: 0x0020000e, vr: 'UI', value: '1.2.3.4' },
    { tag: 0x00280008, vr: 'IS', value: String(frames.length) },
    { tag: 0x52009229, vr: 'SQ', value: [shared] },
    { tag: 0x52009230, vr: 'SQ', value: frames },
    { tag: 0x7fe00010, vr: 'OW', value: us(1, 2) },
    ...more,
  ];
  return rawPart10(elements.sort((a, b) => a.tag - b.tag));
}

describe('the header of a frame', () => {
  it('has its own functional groups before the shared ones, before the data set', () => {
    const content = (...elements: RawElement[]): RawElement => group(0x00209111, ...elements);
    const measures = (thickness: string): RawElement =>
      group(
        0x00289110,
        { tag: 0x00180050, vr: 'DS', value: thickness },
        { tag: 0x00280030, vr: 'DS', value: '0.4\\0.5' },
      );
    const bytes = enhanced(
      [
        [
          frameType('ORIGINAL\\PRIMARY\\LOCALIZER\\NONE'),
          content(
            { tag: 0x00189074, vr: 'DT', value: '20260102101113.25' },
            { tag: 0x00209056, vr: 'SH', value: 'S7' },
            { tag: 0x00209128, vr: 'UL', value: ul(70_001) },
            { tag: 0x00209156, vr: 'US', value: us(4) },
          ),
          position(12.5),
          measures('3'),
        ],
        [content({ tag: 0x00189074, vr: 'DT', value: '20260102101115' }), position(11.25)],
      ],
      [measures('1.25'), group(0x00289145, { tag: 0x00281054, vr: 'LO', value: 'hu' })],
    );
    const [first, second] = headersOfImages(readHeader(bytes));
    expect(first).toMatchObject({
      imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER', 'NONE'],
      acquisitionDateTime: '20260102101113.250',
      stackId: 'S7',
      temporalPosition: 70_001,
      acquisitionNumber: 4,
      imagePositionPatientMm: [-90, -110.5, 12.5],
      sliceThicknessMm: 3,
      rescaleType: 'HU',
    });
    expect(second).toMatchObject({
      imageType: ['MIXED', 'PRIMARY', 'VOLUME', 'NONE'],
      acquisitionDateTime: '20260102101115.000',
      stackId: '',
      temporalPosition: null,
      imagePositionPatientMm: [-90, -110.5, 11.25],
      sliceThicknessMm: 1.25,
      pixelSpacingMm: [0.4, 0.5],
    });
  });

  it('never takes the position of the whole object', () => {
    const place: RawElement = { tag: 0x00200032, vr: 'DS', value: '1\\2\\3' };
    const [frame] = headersOfImages(
      readHeader(enhanced([[frameType('ORIGINAL\\PRIMARY\\VOLUME\\NONE')]], [], [place])),
    );
    expect(frame!.imagePositionPatientMm).toBeNull();
  });

  it('names what the frame was computed as in the words of single images', () => {
    const type = 'DERIVED\\PRIMARY\\VOLUME';
    const technique = (value: string): RawElement => ({ tag: 0x00089207, vr: 'CS', value });
    const wordsOf = (frame: RawElement): string[] =>
      headersOfImages(readHeader(enhanced([[frame]])))[0]!.imageType.slice(4);
    expect(wordsOf(frameType(`${type}\\NONE`, technique('NONE')))).toEqual([]);
    expect(wordsOf(frameType(`${type}\\NONE`, technique('MAX_IP')))).toEqual(['MIP']);
    expect(wordsOf(frameType(`${type}\\MINIMUM`, technique('NONE')))).toEqual(['MINIP']);
    expect(wordsOf(frameType(`${type}\\NONE`, technique('CURVED_MPR')))).toEqual(['CURVED']);
    expect(wordsOf(frameType(`${type}\\NONE`, { tag: 0x00089206, vr: 'CS', value: 'DISTORTED' }))).toEqual(['CURVED']);
  });

  it('has in its stack the indexes of dimensions along which no volume extends', () => {
    // The position, a stack, and a private dimension of the maker.
    const pointers = [0x00200032, 0x00209056, 0x00191001].map((tag): RawElement[] => [
      { tag: 0x00209165, vr: 'AT', value: us(tag >>> 16, tag & 0xffff) },
    ]);
    const frame = (...indexes: number[]): RawElement[] => [
      group(0x00209111, { tag: 0x00209157, vr: 'UL', value: ul(...indexes) }),
      position(indexes[0]!),
    ];
    const bytes = enhanced([frame(1, 1, 8), frame(2, 1, 9)], [], [{ tag: 0x00209222, vr: 'SQ', value: pointers }]);
    expect(headersOfImages(readHeader(bytes)).map(({ stackId }) => stackId)).toEqual(['8', '9']);
  });

  it('has as many frames as are described where NumberOfFrames is 0 or missing', () => {
    const frames = [[position(1)], [position(2)], [position(3)]];
    const imagesOf = (bytes: Uint8Array): number => headersOfImages(readHeader(bytes)).length;
    const whole = enhanced(frames);
    const at = Buffer.from(whole).indexOf(Buffer.from('28000800', 'hex'));
    expect(imagesOf(Buffer.concat([whole.subarray(0, at), whole.subarray(at + 10)]))).toBe(3);
    expect(imagesOf(enhanced(frames, [], [{ tag: 0x00280008, vr: 'IS', value: '0' }]))).toBe(3);
  });

  it('is missing, with the reason, where the frames cannot be listed', () => {
    const count = (value: string): RawElement => ({ tag: 0x00280008, vr: 'IS', value });
    const frames = [[position(1)]];
    const faultOf = (change: (bytes: Uint8Array) => Uint8Array, more: RawElement[] = []): string | undefined =>
      readHeader(change(enhanced(frames, [], more))).frameFault;
    expect(faultOf((bytes) => bytes)).toBeUndefined();
    expect(faultOf((bytes) => bytes.subarray(0, -16))).toBe('without pixel data in its first 8 MiB');
    expect(faultOf((bytes) => bytes, [count('10001')])).toBe('of 10001 frames (at most 10000)');
    expect(faultOf((bytes) => bytes, [count('3')])).toBe(
      'that describes 1 of its 3 frames (PerFrameFunctionalGroupsSequence): send it again, or slice by slice',
    );
    const kinds = Array.from({ length: 513 }, (_, index) => [
      position(index),
      group(0x00289110, { tag: 0x00180050, vr: 'DS', value: String(1 + index / 1_000) }),
    ]);
    expect(readHeader(enhanced(kinds)).frameFault).toBe('whose frames differ in more than 512 ways');
    expect(readHeader(enhanced(kinds.slice(1))).frames!.kinds).toHaveLength(512);
  });
});
