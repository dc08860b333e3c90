import { readFile } from 'node:fs/promises';
import type { TruthSlice } from './dataset.ts';
import { readDicomMask, type SliceMask } from './dicomMask.ts';
import { niftiOnSlices } from './nifti.ts';

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
      : niftiOnSlices(
          bytes,
          slices.map(({ header }) => header),
          'marks',
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
