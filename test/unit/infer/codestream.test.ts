import { describe, expect, it } from 'vitest';
import {
  codestreamIn,
  JPEG_2000_STREAM,
  JPEG_LS_STREAM,
  JPEG_STREAM,
  readCodestreamHeader,
} from '../../../src/infer/codestream.ts';

/** Bytes by hand: each number is one, or as many as the text has hex pairs. */
const bytes = (...parts: (number | string)[]): Buffer =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part.replaceAll(' ', ''), 'hex'))),
  );

const refusalOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    return (error as Error).message.replace('The compressed pixel data cannot be decoded: ', '');
  }
  return 'read';
};

describe('the header of a JPEG frame', () => {
  const START = 'ffd8';
  /** 12 bits, 258 rows, 515 columns, 1 component. */
  const frame = (type: string): string => `ff${type} 000b 0c 0102 0203 01 011100`;
  const SCAN = 'ffda 0008 01 0100 000000';
  const END = 'ffd9';
  const HEADER = { bitsPerSample: 12, rows: 258, columns: 515, components: 1, signed: false };

  it.each<[string, string]>([
    ['lossless', START + frame('c3') + SCAN + END],
    ['extended sequential', START + frame('c1') + SCAN + END],
    ['after a comment and tables', `${START} fffe 0004 4849 ffc4 0003 00 ${frame('c3')} ${SCAN} ${END}`],
    ['after markers that look like frames', `${START} ffc8 0002 ffcc 0002 ${frame('c3')} ${SCAN} ${END}`],
    ['after a marker that is the lowest with a length', `${START} ff02 0002 ${frame('c3')} ${SCAN} ${END}`],
    ['after fill bytes', `${START} ffffff ${frame('c3').slice(2)} ${SCAN} ${END}`],
    ['padded by zeros', `${START} ${frame('c3')} ${SCAN} ${END} 000000`],
    ['padded by a space and by FF', `${START} ${frame('c3')} ${SCAN} ${END} 20ff`],
  ])('%s', (_what, hex) => {
    expect(readCodestreamHeader(bytes(hex), JPEG_STREAM)).toEqual(HEADER);
  });

  it('is also that of JPEG-LS, and not that of another process', () => {
    const stream = bytes(START, frame('f7'), SCAN, END);
    expect(readCodestreamHeader(stream, JPEG_LS_STREAM)).toEqual(HEADER);
    expect(refusalOf(() => readCodestreamHeader(stream, JPEG_STREAM))).toBe(
      'its frame type (FFF7) is not that of its transfer syntax.',
    );
  });

  const BROKEN = 'its markers are broken.';
  const CUT = 'they are cut off (no end-of-image marker).';
  it.each<[string, string, string]>([
    ['no start', `ffd7 ${frame('c3')} ${SCAN} ${END}`, 'it does not begin with the start-of-image marker.'],
    ['no end', `${START} ${frame('c3')} ${SCAN} 1234`, CUT],
    ['nothing but a start', START, CUT],
    ['nothing', '', CUT],
    ['a length that leads behind the end', `${START} fffe 4000 ${END}`, CUT],
    ['no marker where one must be', `${START} 12c3 000b ${SCAN} ${END}`, BROKEN],
    // At this one the decoder never ended.
    ['a marker without a length (TEM)', `${START} ff01 0002 ${frame('c3')} ${SCAN} ${END}`, BROKEN],
    ['a zero behind FF', `${START} ff00 0002 ${frame('c3')} ${SCAN} ${END}`, BROKEN],
    ['the first restart marker', `${START} ffd0 0002 ${frame('c3')} ${SCAN} ${END}`, BROKEN],
    ['the last restart marker', `${START} ffd7 0002 ${frame('c3')} ${SCAN} ${END}`, BROKEN],
    ['a second start', `${START} ffd8 0002 ${frame('c3')} ${SCAN} ${END}`, BROKEN],
    ['a scan before a frame', `${START} ${SCAN} ${END}`, 'it has no frame header.'],
    ['neither frame nor scan', `${START} ${END}`, 'it has no frame header.'],
    ['no scan', `${START} ${frame('c3')} ${END}`, 'it has no scan.'],
    ['two frames', `${START} ${frame('c3')} ${frame('c1')} ${SCAN} ${END}`, 'it has two frame headers.'],
    ['baseline', `${START} ${frame('c0')} ${SCAN} ${END}`, 'its frame type (FFC0) is not that of its transfer syntax.'],
    [
      'arithmetic',
      `${START} ${frame('cf')} ${SCAN} ${END}`,
      'its frame type (FFCF) is not that of its transfer syntax.',
    ],
  ])('is refused with %s', (_what, hex, why) => {
    expect(refusalOf(() => readCodestreamHeader(bytes(hex), JPEG_STREAM))).toBe(why);
  });
});

describe('the header of a JPEG 2000 codestream', () => {
  const u32 = (value: number): string => value.toString(16).padStart(8, '0');
  const SAMPLE_OF_12_BITS = '0b';
  /** SIZ of an image that begins at column 3 and row 5 of its grid. */
  const size = (sample = SAMPLE_OF_12_BITS, tileColumns = 512, tileRows = 256): string =>
    `ff51 0029 0000 ${u32(515)} ${u32(261)} ${u32(3)} ${u32(5)} ${u32(tileColumns)} ${u32(tileRows)} ${u32(0)} ${u32(0)} 0001 ${sample} 0101`;
  /** A tile-part that states `length` bytes, its 12 of header among them, and has `rest` behind them. */
  const tile = (length: number, rest: string): string => `ff90 000a 0000 ${u32(length)} 0001 ${rest}`;
  const END = 'ffd9';
  const whole = (...parts: string[]): Buffer => bytes('ff4f', ...parts);

  it.each<[string, Buffer, object]>([
    ['one tile-part', whole(size(), tile(14, 'ff93'), END), {}],
    ['after other segments', whole(size(), 'ff52 0004 0000', 'ff64 0003 01', tile(14, 'ff93'), END), {}],
    ['two tile-parts', whole(size(), tile(16, 'ff93 0102'), tile(15, 'ff93 03'), END), {}],
    ['the last reaches to the end', whole(size(), tile(15, 'ff93 05'), tile(0, 'ff93 0102'), END, '00'), {}],
    ['signed samples of 12 bits', whole(size('8b'), tile(14, 'ff93'), END), { signed: true }],
    ['16 bits', whole(size('0f'), tile(14, 'ff93'), END), { bitsPerSample: 16 }],
    ['4096 tiles', whole(size('0b', 8, 4), tile(14, 'ff93'), END), {}],
  ])('%s', (_what, stream, more) => {
    expect(readCodestreamHeader(stream, JPEG_2000_STREAM)).toEqual({
      columns: 512,
      rows: 256,
      components: 1,
      bitsPerSample: 12,
      signed: false,
      ...more,
    });
  });

  const CUT = 'they are cut off (no end-of-image marker).';
  const APART = 'its tile-parts do not join.';
  it.each<[string, Buffer, string]>([
    [
      'another beginning',
      bytes('ff4e', size(), tile(14, 'ff93'), END),
      'it does not begin with a JPEG 2000 main header.',
    ],
    ['8192 tiles', whole(size('0b', 4, 4), tile(14, 'ff93'), END), 'it asks for too many tiles.'],
    ['tiles of no size', whole(size('0b', 0, 4), tile(14, 'ff93'), END), 'it asks for too many tiles.'],
    [
      'no tile at all',
      whole(size('0b', 512, 256).replace(u32(515), u32(3)), tile(14, 'ff93'), END),
      'it asks for too many tiles.',
    ],
    ['no marker where one must be', whole(size(), '1252 0004 0000', tile(14, 'ff93'), END), 'its markers are broken.'],
    ['no end', whole(size(), tile(14, 'ff93')), CUT],
    ['something else behind a tile-part', whole(size(), tile(14, 'ff93'), 'ff52 0004', END), APART],
    ['a tile-part shorter than its header', whole(size(), tile(13, 'ff'), END), APART],
    ['a tile-part that goes on behind the end', whole(size(), tile(400, 'ff93'), END), CUT],
    ['a last tile-part without an end', whole(size(), tile(0, 'ff93 01')), CUT],
    ['a header that is cut off', whole(size()).subarray(0, 40), CUT],
  ])('is refused with %s', (_what, stream, why) => {
    expect(refusalOf(() => readCodestreamHeader(stream, JPEG_2000_STREAM))).toBe(why);
  });

  const SIGNATURE = '0000000c 6a502020 0d0a870a';
  const box = (content: string, type = '66726565'): string => `${u32(8 + bytes(content).length)} ${type} ${content}`;
  const STREAM = 'ff4fff51 0102030405060708';
  const CODESTREAM = '6a703263';
  it.each<[string, string, string | null]>([
    ['bare', STREAM, STREAM],
    ['in a box', `${SIGNATURE} ${box(STREAM, CODESTREAM)}`, STREAM],
    ['behind other boxes', `${SIGNATURE} ${box('0102')} ${box('')} ${box(STREAM, CODESTREAM)} ${box('09')}`, STREAM],
    ['in a box that reaches to the end', `${SIGNATURE} 00000000 ${CODESTREAM} ${STREAM}`, STREAM],
    ['in a box with a long length', `${SIGNATURE} 00000001 ${CODESTREAM} 000000000000001c ${STREAM} 99`, STREAM],
    ['as the 64th box', `${SIGNATURE} ${box('').repeat(62)} ${box(STREAM, CODESTREAM)}`, STREAM],
    ['as the 65th box', `${SIGNATURE} ${box('').repeat(63)} ${box(STREAM, CODESTREAM)}`, null],
    ['of eight bytes, the last of the file', `${SIGNATURE} ${box('ff4fff5101020304', CODESTREAM)}`, 'ff4fff5101020304'],
    ['behind a box shorter than its head', `${SIGNATURE} 00000007 66726565 ${box(STREAM, CODESTREAM)}`, null],
    [
      'behind a long box shorter than its head',
      `${SIGNATURE} 00000001 66726565 000000000000000f ${box(STREAM, CODESTREAM)}`,
      null,
    ],
    ['nowhere', `${SIGNATURE} ${box('0102030405060708')}`, null],
    ['cut off', `${SIGNATURE} 0000000c`, null],
  ])('is found in JP2 boxes: %s', (_where, hex, found) => {
    const read = () => codestreamIn(bytes(hex));
    if (found === null) expect(refusalOf(read)).toBe('there is no codestream in its JP2 boxes.');
    else expect(Buffer.from(read()).toString('hex')).toBe(found.replaceAll(' ', ''));
  });
});
