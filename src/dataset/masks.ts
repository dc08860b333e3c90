import { readFile } from 'node:fs/promises';
import * as nifti from 'nifti-reader-js';
import { parseElements, type Elements } from '../dicom/elements.ts';
import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';

/** Marked pixels of a slice as stored, `[row][column]`, 0 or 1; null when none is. */
export type SliceMask = Uint8Array | null;

/**
 * Reads one reader's mask of a series, on the grid of its slices: NIfTI by position in the patient, nearest voxel, any grid; DICOM SEG by the images that
 * it references. Any value other than 0 is marked.
 * @throws TriageError `dataset-invalid` with what is wrong with the file
 */
export async function readMask(file: string, slices: readonly InstanceHeader[]): Promise<SliceMask[]> {
  const bytes = await readFile(file);
  const isDicom = bytes.length > 132 && bytes.toString('latin1', 128, 132) === 'DICM';
  return isDicom ? readSeg(bytes, slices) : readNifti(bytes, slices);
}

/** The intersection: what every reader marks. */
export function intersect(readers: readonly (readonly SliceMask[])[]): SliceMask[] {
  const [first, ...others] = readers;
  return (first ?? []).map((mask, i) => {
    if (mask === null) return null;
    const common = mask.map((value, pixel) =>
      value !== 0 && others.every((other) => other[i]?.[pixel] === 1) ? 1 : 0,
    );
    return common.includes(1) ? common : null;
  });
}

function readNifti(file: Buffer, slices: readonly InstanceHeader[]): SliceMask[] {
  let data: ArrayBufferLike = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  if (nifti.isCompressed(data as ArrayBuffer)) data = nifti.decompress(data as ArrayBuffer);
  if (!nifti.isNIFTI(data as ArrayBuffer)) throw invalid('it is neither NIfTI nor DICOM');
  const header = nifti.readHeader(data as ArrayBuffer);
  const voxels = nifti.readImage(header, data as ArrayBuffer);
  const [, width = 0, height = 0, depth = 0] = header.dims;
  const bytesPerVoxel = header.numBitsPerVoxel / 8;
  if (voxels.byteLength < width * height * depth * bytesPerVoxel) throw invalid('it is cut off');
  // A voxel of any type is marked when any of its bits is set. (A mask does not contain the -0.0 of a floating type.)
  const raw = new Uint8Array(voxels);
  const isMarked = (voxel: number): boolean => {
    for (let i = voxel * bytesPerVoxel; i < (voxel + 1) * bytesPerVoxel; i++) if (raw[i] !== 0) return true;
    return false;
  };
  const toVoxel = inverse(header.affine);
  return slices.map((slice) => {
    const {
      rows,
      columns,
      imagePositionPatientMm: origin,
      imageOrientationPatient: direction,
      pixelSpacingMm: spacing,
    } = slice;
    if (rows === null || columns === null || origin === null || direction === null || spacing === null)
      throw invalid('a slice of the series does not say where it lies');
    // From LPS to RAS, then to the voxel's index.
    const at = apply(toVoxel, [-origin[0], -origin[1], origin[2], 1]);
    const alongRow = apply(toVoxel, [
      -direction[0] * spacing[1],
      -direction[1] * spacing[1],
      direction[2] * spacing[1],
      0,
    ]);
    const alongColumn = apply(toVoxel, [
      -direction[3] * spacing[0],
      -direction[4] * spacing[0],
      direction[5] * spacing[0],
      0,
    ]);
    const mask = new Uint8Array(rows * columns);
    let marked = false;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const i = Math.round(at[0] + row * alongColumn[0] + column * alongRow[0]);
        const j = Math.round(at[1] + row * alongColumn[1] + column * alongRow[1]);
        const k = Math.round(at[2] + row * alongColumn[2] + column * alongRow[2]);
        if (
          i < 0 ||
          j < 0 ||
          k < 0 ||
          i >= width ||
          j >= height ||
          k >= depth ||
          !isMarked((k * height + j) * width + i)
        )
          continue;
        mask[row * columns + column] = 1;
        marked = true;
      }
    }
    return marked ? mask : null;
  });
}

type Triple = [number, number, number];

/** Of an affine map, rows `[x, y, z, shift]`. */
function inverse(affine: readonly (readonly number[])[]): number[][] {
  const m = (row: number, column: number): number => affine[row]![column]!;
  const cofactor = (row: number, column: number): number => {
    const [r0, r1] = [(row + 1) % 3, (row + 2) % 3];
    const [c0, c1] = [(column + 1) % 3, (column + 2) % 3];
    return m(r0, c0) * m(r1, c1) - m(r0, c1) * m(r1, c0);
  };
  const determinant = m(0, 0) * cofactor(0, 0) + m(0, 1) * cofactor(0, 1) + m(0, 2) * cofactor(0, 2);
  if (!(Math.abs(determinant) > 1e-9)) throw invalid('it does not say where its voxels lie');
  return [0, 1, 2].map((row) => {
    const linear = [0, 1, 2].map((column) => cofactor(column, row) / determinant);
    return [...linear, -(linear[0]! * m(0, 3) + linear[1]! * m(1, 3) + linear[2]! * m(2, 3))];
  });
}

function apply(map: readonly (readonly number[])[], [x, y, z, w]: readonly [number, number, number, number]): Triple {
  return map.map((row) => row[0]! * x + row[1]! * y + row[2]! * z + row[3]! * w) as Triple;
}

const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.4';
const TAG = {
  sopClassUid: 0x00080016,
  referencedSopInstanceUid: 0x00081155,
  sourceImageSequence: 0x00082112,
  derivationImageSequence: 0x00089124,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  planePositionSequence: 0x00209113,
  imagePositionPatient: 0x00200032,
  segmentationFractionalMaximum: 0x0062000e,
  perFrameFunctionalGroups: 0x52009230,
} as const;
/** A frame belongs to the slice whose position it names, within the precision of the written digits. */
const SAME_PLACE_MM = 0.05;

/** PS3.3 A.51: BINARY, one bit a pixel without padding between frames (PS3.5 8.1.1), or FRACTIONAL, marked from half of the maximum. */
function readSeg(bytes: Uint8Array, slices: readonly InstanceHeader[]): SliceMask[] {
  const elements = parseElements(bytes);
  if (elements.string(TAG.sopClassUid) !== SEGMENTATION) throw invalid('the DICOM object is no segmentation');
  const pixelData = elements.pixelData();
  if (pixelData?.kind !== 'native')
    throw invalid('the segmentation has no uncompressed pixel data; decompress it first');
  const rows = elements.uint16(TAG.rows) ?? 0;
  const columns = elements.uint16(TAG.columns) ?? 0;
  const isBinary = elements.uint16(TAG.bitsAllocated) === 1;
  const half = (elements.uint16(TAG.segmentationFractionalMaximum) ?? 1) / 2;
  const pixels = rows * columns;
  const isMarked = (bit: number): boolean =>
    (isBinary ? (pixelData.bytes[bit >> 3]! >> (bit & 7)) & 1 : pixelData.bytes[bit]! >= half ? 1 : 0) === 1;
  const frames = elements.items(TAG.perFrameFunctionalGroups);
  if (
    frames.length !== Number(elements.string(TAG.numberOfFrames) ?? 1) ||
    pixelData.bytes.length * (isBinary ? 8 : 1) < frames.length * pixels
  )
    throw invalid('the segmentation is not whole');
  const masks: SliceMask[] = slices.map(() => null);
  for (const [index, frame] of frames.entries()) {
    const place = sliceOfFrame(frame, slices);
    if (place === -1) throw invalid(`frame ${index + 1} of the segmentation lies on none of the slices`);
    if (slices[place]!.rows !== rows || slices[place]!.columns !== columns)
      throw invalid('the segmentation has another matrix than the series');
    const mask = masks[place] ?? new Uint8Array(pixels);
    let marked = masks[place] !== null;
    for (let pixel = 0; pixel < pixels; pixel++) {
      if (!isMarked(index * pixels + pixel)) continue;
      mask[pixel] = 1;
      marked = true;
    }
    if (marked) masks[place] = mask;
  }
  return masks;
}

function sliceOfFrame(frame: Elements, slices: readonly InstanceHeader[]): number {
  const source = frame
    .items(TAG.derivationImageSequence)[0]
    ?.items(TAG.sourceImageSequence)[0]
    ?.string(TAG.referencedSopInstanceUid);
  const named = slices.flatMap(({ sopInstanceUid }, index) => (sopInstanceUid === source ? [index] : []));
  // Frames of one object share its UID: only their positions tell them apart.
  if (named.length === 1) return named[0]!;
  const position = frame.items(TAG.planePositionSequence)[0]?.numbers(TAG.imagePositionPatient);
  if (position?.length !== 3) return -1;
  return slices.findIndex(
    ({ imagePositionPatientMm: at }) =>
      at?.every((mm, axis) => Math.abs(mm - position[axis]!) <= SAME_PLACE_MM) ?? false,
  );
}

function invalid(why: string): TriageError {
  return new TriageError('dataset-invalid', why);
}
