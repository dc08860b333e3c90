import type { FileHandle } from 'node:fs/promises';
import { TriageError } from '../base/errors.ts';
import { PIXEL_DATA, UNDEFINED_LENGTH } from '../dicom/elementIndex.ts';
import type { Elements } from '../dicom/elements.ts';
import { DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, NATIVE_TRANSFER_SYNTAXES } from '../dicom/transferSyntaxes.ts';

const ITEM = 0xfffee000;
const SEQUENCE_END = 0xfffee0dd;
const ITEM_HEAD_BYTES = 8;
const MOST_PADDING_BYTES = 4096;
const TAG = {
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
} as const;

/** The bytes of a file from `position`, at most `length`: fewer at its end. */
export type ReadAt = (position: number, length: number) => Buffer | Promise<Buffer>;

/** Reads a file whose bytes are all in memory. */
export const bufferReader =
  (bytes: Buffer): ReadAt =>
  (position, length) =>
    bytes.subarray(position, position + length);

/** Reads an open file. */
export const fileReader =
  (file: FileHandle): ReadAt =>
  async (position, length) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  };

/**
 * Refuses an object whose pixel data are shorter than declared, while its sender can still send it again: missing bytes, fragments without an end,
 * or a matrix larger than its native pixel data. Padding after the pixels is accepted.
 *
 * @param readAt reads the whole file, of `fileBytes`
 * @throws TriageError `dicom-unreadable`
 */
export async function checkPixelData(elements: Elements, readAt: ReadAt, fileBytes: number): Promise<void> {
  const place = elements.place(PIXEL_DATA);
  if (place === null) return;
  if (place.length === UNDEFINED_LENGTH) {
    await checkFragments(readAt, place.dataOffset, fileBytes);
    return;
  }
  // For a deflated object only the inflated size is known.
  const there =
    elements.transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN ? place.length : fileBytes - place.dataOffset;
  if (place.length > there) throw tooShort(`${place.length} bytes are declared, and ${there} came`);
  const needed = nativeBytes(elements);
  if (needed !== null && place.length < needed)
    throw tooShort(`the matrix needs ${needed} bytes, and has ${place.length}`);
}

/** Steps from fragment to fragment (PS3.5 A.4), reading only their headers. */
async function checkFragments(readAt: ReadAt, start: number, fileBytes: number): Promise<void> {
  for (let position = start; ;) {
    const head = await readAt(position, ITEM_HEAD_BYTES);
    if (head.length < ITEM_HEAD_BYTES) throw tooShort('its fragments have no end');
    const tag = head.readUInt16LE(0) * 0x10000 + head.readUInt16LE(2);
    if (tag === SEQUENCE_END || (tag === 0 && (await isZeroed(readAt, position, fileBytes)))) return;
    if (tag !== ITEM) throw tooShort('something else stands among its fragments');
    position += ITEM_HEAD_BYTES + head.readUInt32LE(4);
    if (position > fileBytes) throw tooShort('a fragment is longer than what came');
  }
}

/** Zeros up to the end, where some archives pad the object instead of closing the sequence. */
async function isZeroed(readAt: ReadAt, position: number, fileBytes: number): Promise<boolean> {
  return (
    fileBytes - position <= MOST_PADDING_BYTES &&
    (await readAt(position, MOST_PADDING_BYTES)).every((byte) => byte === 0)
  );
}

/** Bytes that the matrix needs in a native transfer syntax (PS3.5 8.1.1); null where this cannot be determined. */
function nativeBytes(elements: Elements): number | null {
  const rows = elements.uint16(TAG.rows);
  const columns = elements.uint16(TAG.columns);
  const bitsAllocated = elements.uint16(TAG.bitsAllocated);
  const photometric = elements.string(TAG.photometricInterpretation) ?? '';
  // Subsampled chrominance takes less room than its samples would.
  const isSubsampled = /_42\d/.test(photometric);
  if (!NATIVE_TRANSFER_SYNTAXES.has(elements.transferSyntaxUid) || isSubsampled) return null;
  if (rows === null || columns === null || bitsAllocated === null) return null;
  const samples = elements.uint16(TAG.samplesPerPixel) ?? 1;
  const frames = Math.max(1, elements.numbers(TAG.numberOfFrames)?.[0] ?? 1);
  return Math.ceil((rows * columns * samples * frames * bitsAllocated) / 8);
}

function tooShort(why: string): TriageError {
  return new TriageError('dicom-unreadable', `The pixel data are shorter than the header says: ${why}.`);
}
