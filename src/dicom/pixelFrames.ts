import { PIXEL_DATA, UNDEFINED_LENGTH } from './elementIndex.ts';
import type { Elements } from './elements.ts';
import {
  DECODABLE_TRANSFER_SYNTAXES,
  NATIVE_TRANSFER_SYNTAXES,
  unsupportedTransferSyntax,
} from './transferSyntaxes.ts';
import { TriageError } from '../base/errors.ts';
import type { ByteSource } from '../base/byteSource.ts';

/** What the header says of the pixel data. */
export interface PixelMatrix {
  rows: number;
  columns: number;
  frames: number;
  /** Of all samples of a pixel together. */
  bytesPerPixel: number;
}

/** Bytes in the file. */
export interface FilePlace {
  offset: number;
  length: number;
}

/** The pixel data of an object, frame by frame (from 1): words in the byte order of the file, or a compressed frame in one piece. */
export interface PixelFrames {
  isCompressed: boolean;
  read(frameNumber: number): Promise<Uint8Array>;
  /** Where the frame lies: in one place, or one for each fragment. @throws TriageError `pixel-data-undecodable` when it is too large */
  places(frameNumber: number): FilePlace[];
}

const TRANSFER_SYNTAX_UID = 0x00020010;
const FLOATING_POINT_PIXEL_DATA = [0x7fe00008, 0x7fe00009];
const ITEM = 0xfffee000;
const SEQUENCE_END = 0xfffee0dd;
const ITEM_HEAD_BYTES = 8;
/** Enough to recognise the beginning of a codestream. */
const SIGNATURE_BYTES = 8;
const MOST_FRAGMENTS = 200_000;
const MOST_PADDING_BYTES = 4096;
/** A compressed frame is never this large: the greatest matrix has 32 MiB. */
const MOST_FRAME_BYTES = 64 * 1024 * 1024;

/**
 * Finds the frames in the pixel data of a file (PS3.5 8, A.4) without reading them.
 *
 * @throws TriageError `dicom-unreadable`, `pixel-data-undecodable`
 */
export async function pixelFrames(elements: Elements, source: ByteSource, matrix: PixelMatrix): Promise<PixelFrames> {
  const place = elements.place(PIXEL_DATA);
  if (place === null)
    throw undecodable(
      FLOATING_POINT_PIXEL_DATA.some((tag) => elements.has(tag))
        ? 'The pixel data are floating-point numbers (FloatPixelData); those of a CT are integers.'
        : 'There are no pixel data.',
    );
  const isCompressed = place.length === UNDEFINED_LENGTH;
  const isNative = NATIVE_TRANSFER_SYNTAXES.has(elements.transferSyntaxUid);
  if (isNative && isCompressed)
    throw undecodable(
      elements.has(TRANSFER_SYNTAX_UID)
        ? 'The pixel data are compressed, the transfer syntax says that they are not.'
        : 'The pixel data are compressed, and the file does not say how (TransferSyntaxUID is missing).',
    );
  if (!isNative && !isCompressed)
    throw DECODABLE_TRANSFER_SYNTAXES.flat().includes(elements.transferSyntaxUid)
      ? undecodable('The pixel data are not compressed, the transfer syntax says that they are.')
      : unsupportedTransferSyntax(elements.transferSyntaxUid);
  const places = isCompressed
    ? await compressedFrames(source, place.dataOffset, matrix.frames)
    : await nativeFrames(source, place, matrix);
  const read = async (frameNumber: number): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    for (const { offset, length } of places(frameNumber)) parts.push(await source.read(offset, length));
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  };
  return { isCompressed, read, places };
}

async function nativeFrames(
  source: ByteSource,
  { dataOffset, length }: { dataOffset: number; length: number },
  { rows, columns, frames, bytesPerPixel }: PixelMatrix,
): Promise<PixelFrames['places']> {
  const { sizeBytes } = source;
  if (sizeBytes !== null && dataOffset + length > sizeBytes)
    throw unreadable(`The pixel data are cut off: ${length} bytes declared, ${sizeBytes - dataOffset} there.`);
  const frameBytes = rows * columns * bytesPerPixel;
  const behind = length - frames * frameBytes;
  if (
    behind < 0 ||
    !(await isExcessPadding(source, dataOffset + length - behind, behind, bytesPerPixel * Math.min(rows, columns)))
  )
    throw undecodable(
      `The pixel data have ${length} bytes; ${frames === 1 ? '' : `${frames} frames of `}${rows} x ${columns} ${frames === 1 ? 'needs' : 'need'} ${frames * frameBytes}.`,
    );
  return (frameNumber) => [{ offset: dataOffset + (frameNumber - 1) * frameBytes, length: frameBytes }];
}

/**
 * Whether the bytes behind the last pixel are the padding that older writers put there, to be accepted by PS3.5 8.1.1: zeros, or less than a row or a
 * column. More would mean that Rows or Columns are wrong, and every pixel in a wrong place.
 */
async function isExcessPadding(
  source: ByteSource,
  offset: number,
  length: number,
  /** Of a row or a column, whichever is shorter. */
  lineBytes: number,
): Promise<boolean> {
  if (length < lineBytes) return true;
  return length <= MOST_FRAME_BYTES && (await source.read(offset, length)).every((byte) => byte === 0);
}

interface Fragment extends FilePlace {
  /** Of its item from that of the first fragment: what the Basic Offset Table counts. */
  tableOffset: number;
  beginsCodestream: boolean;
}

async function compressedFrames(
  source: ByteSource,
  dataOffset: number,
  frames: number,
): Promise<PixelFrames['places']> {
  const { table, fragments } = await indexFragments(source, dataOffset);
  if (fragments.length === 0) throw undecodable('The compressed pixel data hold no frame.');
  const firsts = firstFragments(table, fragments, frames);
  if (firsts === null)
    throw undecodable(
      `The compressed pixel data have ${fragments.length} fragments, and nothing says which of them make up each of the ${frames} frames.`,
    );
  return (frameNumber) => {
    const of = fragments.slice(firsts[frameNumber - 1], firsts[frameNumber]);
    if (of.reduce((sum, { length }) => sum + length, 0) > MOST_FRAME_BYTES)
      throw undecodable('A compressed frame is larger than any CT slice.');
    return of.map(({ offset, length }) => ({ offset, length }));
  };
}

/** Steps from fragment to fragment, reading their heads only. */
async function indexFragments(
  source: ByteSource,
  dataOffset: number,
): Promise<{ table: number[]; fragments: Fragment[] }> {
  const sizeBytes = source.sizeBytes!;
  const fragments: Fragment[] = [];
  let table: number[] | null = null;
  let start = 0;
  for (let position = dataOffset; ;) {
    // Without the delimiter (some writers forget it) each frame tells whether it is whole.
    if (fragments.length > 0 && position === sizeBytes) break;
    if (position + ITEM_HEAD_BYTES > sizeBytes)
      throw unreadable('The pixel data are cut off: the sequence of fragments has no end.');
    const head = await source.read(position, Math.min(ITEM_HEAD_BYTES + SIGNATURE_BYTES, sizeBytes - position));
    const at = new DataView(head.buffer, head.byteOffset, head.length);
    const tag = at.getUint16(0, true) * 0x10000 + at.getUint16(2, true);
    const length = at.getUint32(4, true);
    const offset = position + ITEM_HEAD_BYTES;
    if (tag === SEQUENCE_END || (tag === 0 && (await isZeroedEnd(source, position, sizeBytes)))) break;
    if (tag !== ITEM)
      throw unreadable('The pixel data are broken: something other than a fragment among the fragments.');
    if (offset + length > sizeBytes)
      throw unreadable(
        `The pixel data are cut off: a fragment of ${length} bytes declared, ${sizeBytes - offset} there.`,
      );
    const beginning = head.subarray(ITEM_HEAD_BYTES);
    if (table === null && !isFrameStart(beginning)) {
      table = await offsetTable(source, offset, length);
      start = offset + length;
    } else if (length > 0) {
      // Some writers leave out the item of the offset table.
      if (table === null) [table, start] = [[], position];
      if (fragments.length === MOST_FRAGMENTS)
        throw undecodable(`The pixel data have over ${MOST_FRAGMENTS} fragments.`);
      fragments.push({
        offset,
        length,
        tableOffset: position - start,
        beginsCodestream: isCodestreamStart(beginning),
      });
    }
    position = offset + length;
  }
  if (table === null) throw unreadable('The pixel data are broken: no Basic Offset Table item.');
  return { table, fragments };
}

async function offsetTable(source: ByteSource, offset: number, length: number): Promise<number[]> {
  if (length % 4 !== 0) throw unreadable('The pixel data are broken: no Basic Offset Table item.');
  const bytes = await source.read(offset, Math.min(length, 4 * MOST_FRAGMENTS));
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, index) => at.getUint32(index * 4, true));
}

/** For each frame the index of its first fragment: by the offset table, by one fragment a frame, or by where codestreams begin; null when none of these fits. */
function firstFragments(table: readonly number[], fragments: readonly Fragment[], frames: number): number[] | null {
  if (frames === 1) return [0];
  const byOffset = new Map(fragments.map(({ tableOffset }, index) => [tableOffset, index]));
  const named = table.flatMap((offset) => byOffset.get(offset) ?? []);
  const isRising = named.every((first, index) => (index === 0 ? first === 0 : first > named[index - 1]!));
  if (named.length === frames && table.length === frames && isRising) return named;
  if (fragments.length === frames) return fragments.map((_, index) => index);
  const beginnings = fragments.flatMap(({ beginsCodestream }, index) => (beginsCodestream ? [index] : []));
  return beginnings.length === frames && beginnings[0] === 0 ? beginnings : null;
}

/** Zeros up to the end of the file, where some archives pad it instead of closing the sequence. */
async function isZeroedEnd(source: ByteSource, position: number, sizeBytes: number): Promise<boolean> {
  const length = sizeBytes - position;
  return length <= MOST_PADDING_BYTES && (await source.read(position, length)).every((byte) => byte === 0);
}

/** True for what cannot be an offset table, which begins with 0: a codestream, or an RLE header with its first segment behind it. */
function isFrameStart(bytes: Uint8Array): boolean {
  return isCodestreamStart(bytes) || /^0[1-9a-f]00000040000000/.test(Buffer.from(bytes).toString('hex'));
}

/** JPEG and JPEG-LS begin with FFD8, JPEG 2000 with FF4F FF51, a JP2 file with a box of 12 bytes. */
function isCodestreamStart(bytes: Uint8Array): boolean {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.startsWith('ffd8ff') || hex.startsWith('ff4fff51') || hex.startsWith('0000000c6a502020');
}

function unreadable(message: string): TriageError {
  return new TriageError('dicom-unreadable', message);
}

function undecodable(message: string): TriageError {
  return new TriageError('pixel-data-undecodable', message);
}
