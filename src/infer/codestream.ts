import { TriageError } from '../base/errors.ts';

/** What the header of a compressed frame says. */
export interface CodestreamHeader {
  rows: number;
  columns: number;
  bitsPerSample: number;
  components: number;
  /** JPEG 2000 only: JPEG has no signed samples. */
  signed: boolean;
}

/** JPEG frame types (the low byte of the SOF marker, ISO/IEC 10918-1 table B.1, ISO/IEC 14495-1 C.1.1). */
const EXTENDED_SEQUENTIAL = 0xc1;
const LOSSLESS = 0xc3;
const JPEG_LS = 0xf7;

/** Which family of codestream a compressed transfer syntax holds, and which JPEG frame types it allows. */
export type CodestreamFamily = { kind: 'jpeg'; frameTypes: readonly number[] } | { kind: 'jpeg2000' };
/** Of the processes that one codec decodes, the frame says itself which it is: transcoders sometimes keep the transfer syntax of another. */
export const JPEG_STREAM: CodestreamFamily = { kind: 'jpeg', frameTypes: [EXTENDED_SEQUENTIAL, LOSSLESS] };
export const JPEG_LS_STREAM: CodestreamFamily = { kind: 'jpeg', frameTypes: [JPEG_LS] };
export const JPEG_2000_STREAM: CodestreamFamily = { kind: 'jpeg2000' };

/**
 * Reads a frame's own header and checks that the frame is complete, because decoders turn half a frame into an image without a warning, and allocate
 * whatever a frame's header asks for.
 *
 * @throws TriageError `pixel-data-undecodable`
 */
export function readCodestreamHeader(frame: Uint8Array, family: CodestreamFamily): CodestreamHeader {
  const at = new DataView(frame.buffer, frame.byteOffset, frame.length);
  try {
    return family.kind === 'jpeg' ? readJpeg(at, family.frameTypes) : readJpeg2000(at);
  } catch (error) {
    if (error instanceof RangeError) throw cut();
    throw error;
  }
}

function readJpeg(at: DataView, frameTypes: readonly number[]): CodestreamHeader {
  if (at.getUint16(0) !== 0xffd8) throw undecodable('it does not begin with the start-of-image marker');
  const end = endWithoutPadding(at);
  if (at.getUint16(end - 2) !== 0xffd9) throw cut();
  let position = 2;
  let header: CodestreamHeader | null = null;
  for (;;) {
    if (at.getUint8(position) !== 0xff) throw undecodable('its markers are broken');
    const marker = at.getUint8(position + 1);
    // Fill bytes before a marker.
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    // Markers without a length are not allowed before a scan; at one of them (TEM, FF01) the decoder never ends.
    if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) throw undecodable('its markers are broken');
    if (marker === 0xda || marker === 0xd9) {
      if (header === null || marker === 0xd9)
        throw undecodable(header === null ? 'it has no frame header' : 'it has no scan');
      return header;
    }
    const isFrame =
      marker === JPEG_LS || (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc);
    if (isFrame) {
      if (!frameTypes.includes(marker))
        throw undecodable(`its frame type (FF${marker.toString(16).toUpperCase()}) is not that of its transfer syntax`);
      if (header !== null) throw undecodable('it has two frame headers');
      header = {
        bitsPerSample: at.getUint8(position + 4),
        rows: at.getUint16(position + 5),
        columns: at.getUint16(position + 7),
        components: at.getUint8(position + 9),
        signed: false,
      };
    }
    position += 2 + at.getUint16(position + 2);
  }
}

function readJpeg2000(at: DataView): CodestreamHeader {
  if (at.getUint32(0) !== 0xff4fff51) throw undecodable('it does not begin with a JPEG 2000 main header');
  const sample = at.getUint8(42);
  const header: CodestreamHeader = {
    columns: at.getUint32(8) - at.getUint32(16),
    rows: at.getUint32(12) - at.getUint32(20),
    components: at.getUint16(40),
    bitsPerSample: (sample & 0x7f) + 1,
    signed: (sample & 0x80) !== 0,
  };
  const tiles = Math.ceil(header.columns / at.getUint32(24)) * Math.ceil(header.rows / at.getUint32(28));
  if (!(tiles >= 1 && tiles <= MOST_TILES)) throw undecodable('it asks for too many tiles');
  let position = 4 + at.getUint16(4);
  while (at.getUint16(position) !== 0xff90) {
    if (at.getUint8(position) !== 0xff) throw undecodable('its markers are broken');
    position += 2 + at.getUint16(position + 2);
  }
  // Every tile-part states its length (ISO/IEC 15444-1 A.4.2): together they must end exactly at the end-of-codestream marker.
  for (;;) {
    const marker = at.getUint16(position);
    if (marker === 0xffd9) break;
    if (marker !== 0xff90) throw undecodable('its tile-parts do not join');
    const length = at.getUint32(position + 6);
    if (length !== 0 && length < 14) throw undecodable('its tile-parts do not join');
    position = length === 0 ? lastMarker(at) : position + length;
  }
  return header;
}

const MOST_TILES = 4096;

/** Where the end-of-codestream marker must be if the last tile-part extends to it. */
function lastMarker(at: DataView): number {
  const end = endWithoutPadding(at);
  if (end < 2 || at.getUint16(end - 2) !== 0xffd9) throw cut();
  return end - 2;
}

const PADDING: ReadonlySet<number> = new Set([0, 0xff, 0x20]);

/** Fragments are padded to an even length by a zero (PS3.5 A.4); some writers append more, a space, or FF as JPEG allows it before a marker. */
function endWithoutPadding(at: DataView): number {
  let end = at.byteLength;
  while (end > 0 && PADDING.has(at.getUint8(end - 1))) end--;
  return end;
}

const JP2_SIGNATURE = Buffer.from([0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20]);
const CODESTREAM_BOX = 0x6a703263;
const MOST_BOXES = 64;

/**
 * The JPEG 2000 codestream in a frame. DICOM wants it bare (PS3.5 A.4.4); some writers leave it in the boxes of a JP2 file (ISO/IEC 15444-1 annex I).
 *
 * @throws TriageError `pixel-data-undecodable`
 */
export function codestreamIn(frame: Uint8Array): Uint8Array {
  if (!JP2_SIGNATURE.equals(frame.subarray(0, JP2_SIGNATURE.length))) return frame;
  const at = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let position = 0;
  for (let boxes = 0; boxes < MOST_BOXES && position + 16 <= frame.length; boxes++) {
    const length = at.getUint32(position);
    const isLong = length === 1;
    // 0: to the end of the file.
    const size = isLong ? Number(at.getBigUint64(position + 8)) : length === 0 ? frame.length - position : length;
    const head = isLong ? 16 : 8;
    if (size < head) break;
    if (at.getUint32(position + 4) === CODESTREAM_BOX) return frame.subarray(position + head, position + size);
    position += size;
  }
  throw undecodable('there is no codestream in its JP2 boxes');
}

function undecodable(why: string): TriageError {
  return new TriageError('pixel-data-undecodable', `The compressed pixel data cannot be decoded: ${why}.`);
}

function cut(): TriageError {
  return undecodable('they are cut off (no end-of-image marker)');
}
