import { readFile } from 'node:fs/promises';
import * as nifti from 'nifti-reader-js';
import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { TruthSlice } from './dataset.ts';
import { readDicomMask, type SliceMask } from './dicomMask.ts';

/**
 * Reads one reader's mask of a series, on the grid of its slices, from one file or from several that each have some slices: NIfTI by position in the patient,
 * nearest voxel, any grid; DICOM as {@link readDicomMask} says. Any value other than 0 is marked.
 * @throws TriageError `dataset-invalid` with what is wrong with a file
 */
export async function readMask(files: readonly string[], slices: readonly TruthSlice[]): Promise<SliceMask[]> {
  const masks: SliceMask[] = slices.map(() => null);
  for (const file of files) {
    const bytes = await readFile(file);
    const isDicom = bytes.length > 132 && bytes.toString('latin1', 128, 132) === 'DICM';
    const found = isDicom
      ? readDicomMask(bytes, file, slices)
      : readNifti(
          bytes,
          slices.map(({ header }) => header),
        );
    for (const [index, mask] of found.entries()) masks[index] = union(masks[index]!, mask);
  }
  return masks;
}

function union(one: SliceMask, other: SliceMask): SliceMask {
  return one === null || other === null ? (one ?? other) : one.map((value, pixel) => value | other[pixel]!);
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

function invalid(why: string): TriageError {
  return new TriageError('dataset-invalid', why);
}
