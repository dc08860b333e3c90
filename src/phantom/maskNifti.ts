import { gzipSync } from 'node:zlib';
import type { Phantom } from './generatePhantom.ts';

const HEADER_BYTES = 348;
/** The header, and four bytes stating that no extension follows. */
const VOXEL_OFFSET = 352;
const UINT8 = 2;
/** Code of an affine to the scanner's coordinates. */
const SCANNER = 1;
const MILLIMETRES = 2;

/**
 * The truth of a phantom as a compressed NIfTI-1 label map on the grid of its slices: 0, or the number of the fracture, counted from 1. Columns run
 * fastest, then rows, then slices from above; the sform carries voxels to RAS millimetres.
 */
export function maskNifti(phantom: Phantom): Uint8Array {
  const { rows, columns, slices, pixelSpacingMm, sliceSpacingMm, mask, imageOrientationPatient: direction } = phantom;
  const bytes = new Uint8Array(VOXEL_OFFSET + mask.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, HEADER_BYTES, true);
  for (const [i, size] of [3, columns, rows, slices, 1, 1, 1, 1].entries()) view.setInt16(40 + 2 * i, size, true);
  view.setInt16(70, UINT8, true);
  view.setInt16(72, 8, true);
  for (const [i, mm] of [1, pixelSpacingMm, pixelSpacingMm, sliceSpacingMm].entries())
    view.setFloat32(76 + 4 * i, mm, true);
  view.setFloat32(108, VOXEL_OFFSET, true);
  view.setFloat32(112, 1, true);
  bytes[123] = MILLIMETRES;
  bytes.set(Buffer.from('fractures, numbered as in cases.csv', 'latin1'), 148);
  view.setInt16(254, SCANNER, true);
  const origin = phantom.imagePositionPatientMm(0);
  const next = phantom.imagePositionPatientMm(1);
  for (let axis = 0; axis < 3; axis++) {
    // DICOM's left and posterior are NIfTI's right and anterior with the sign changed.
    const sign = axis < 2 ? -1 : 1;
    const row = [
      direction[axis]! * pixelSpacingMm,
      direction[3 + axis]! * pixelSpacingMm,
      next[axis]! - origin[axis]!,
      origin[axis]!,
    ];
    for (const [i, value] of row.entries()) view.setFloat32(280 + 16 * axis + 4 * i, sign * value, true);
  }
  bytes.set(Buffer.from('n+1\0', 'latin1'), 344);
  bytes.set(mask, VOXEL_OFFSET);
  return gzipSync(bytes);
}
