import * as nifti from 'nifti-reader-js';
import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';

/**
 * A NIfTI volume on the grid of a series' slices, by position in the patient, nearest voxel, any grid: 1 where a voxel is not 0 (`marks`), or its value as a whole
 * number from 0 to 255 (`labels`). Null for a slice that has nothing but 0.
 *
 * @throws TriageError `dataset-invalid` with what is wrong with the file
 */
export function niftiOnSlices(
  file: Buffer,
  slices: readonly InstanceHeader[],
  reading: 'marks' | 'labels',
): (Uint8Array | null)[] {
  let data: ArrayBufferLike = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  if (nifti.isCompressed(data as ArrayBuffer)) data = nifti.decompress(data as ArrayBuffer);
  if (!nifti.isNIFTI(data as ArrayBuffer)) throw invalid('it is neither NIfTI nor DICOM');
  const header = nifti.readHeader(data as ArrayBuffer);
  const voxels = nifti.readImage(header, data as ArrayBuffer);
  const [, width = 0, height = 0, depth = 0] = header.dims;
  const bytesPerVoxel = header.numBitsPerVoxel / 8;
  if (voxels.byteLength < width * height * depth * bytesPerVoxel) throw invalid('it is cut off');
  const valueOf = reading === 'marks' ? marksIn(voxels, bytesPerVoxel) : labelsIn(voxels, header);
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
        if (i < 0 || j < 0 || k < 0 || i >= width || j >= height || k >= depth) continue;
        const value = valueOf((k * height + j) * width + i);
        mask[row * columns + column] = value;
        marked ||= value !== 0;
      }
    }
    return marked ? mask : null;
  });
}

/** A voxel of any type is marked when any of its bits is set. (A mask does not contain the -0.0 of a floating type.) */
function marksIn(voxels: ArrayBufferLike, bytesPerVoxel: number): (voxel: number) => number {
  const raw = new Uint8Array(voxels);
  return (voxel) => {
    for (let i = voxel * bytesPerVoxel; i < (voxel + 1) * bytesPerVoxel; i++) if (raw[i] !== 0) return 1;
    return 0;
  };
}

/** By NIfTI-1's datatype code: bytes of a voxel, and how it is read. */
const TYPES: Readonly<
  Record<
    number,
    [
      bytes: number,
      read: 'getUint8' | 'getInt16' | 'getInt32' | 'getFloat32' | 'getFloat64' | 'getInt8' | 'getUint16' | 'getUint32',
    ]
  >
> = {
  2: [1, 'getUint8'],
  4: [2, 'getInt16'],
  8: [4, 'getInt32'],
  16: [4, 'getFloat32'],
  64: [8, 'getFloat64'],
  256: [1, 'getInt8'],
  512: [2, 'getUint16'],
  768: [4, 'getUint32'],
};

function labelsIn(
  voxels: ArrayBufferLike,
  { datatypeCode, littleEndian }: { datatypeCode: number; littleEndian: boolean },
): (voxel: number) => number {
  const type = TYPES[datatypeCode];
  if (type === undefined) throw invalid(`its voxels are of type ${datatypeCode}, which holds no labels`);
  const [bytes, read] = type;
  const view = new DataView(voxels);
  return (voxel) => {
    const value = Math.round(view[read](voxel * bytes, littleEndian));
    return value >= 0 && value <= 255 ? value : 0;
  };
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

function invalid(why: string): TriageError {
  return new TriageError('dataset-invalid', why);
}
