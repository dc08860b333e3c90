import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TriageError } from '../base/errors.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import type { LabelledCase, Problem, TruthSlice } from './dataset.ts';
import { niftiOnSlices } from './nifti.ts';

/** Less of a vertebra on a slice is the rounding of a segmentation's edge. */
const LEAST_AREA_MM2 = 10;

/**
 * The vertebrae that each slice of a case cuts, in the order of the slices, from the case's segmentation: 1 to 7 are C1 to C7, 8 is T1. Null where it has none, or
 * one that cannot be used; the problem then says why.
 */
export async function vertebraTruth(
  labelled: LabelledCase,
  slices: readonly TruthSlice[],
): Promise<{ levels: Vertebra[][] | null; problems: Problem[] }> {
  const { vertebrae } = labelled;
  if (vertebrae === undefined) return { levels: null, problems: [] };
  const refused = (why: string) => ({
    levels: null,
    problems: [
      {
        where: labelled.id,
        problem: `the segmentation ${path.basename(vertebrae)} is not used: ${why}`,
        dropped: false,
      },
    ],
  });
  try {
    const headers = slices.map(({ header }) => header);
    const labels = niftiOnSlices(await readFile(vertebrae), headers, 'labels');
    const levels = labels.map((own, index) => (own === null ? [] : cutBy(own, headers[index]!.pixelSpacingMm!)));
    return levels.every((own) => own.length === 0)
      ? refused('it shows no vertebra on any slice')
      : { levels, problems: [] };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return refused(error.message);
  }
}

function cutBy(labels: Uint8Array, [rowMm, columnMm]: readonly [number, number]): Vertebra[] {
  const pixels = VERTEBRAE.map(() => 0);
  for (const label of labels) if (label >= 1 && label <= VERTEBRAE.length) pixels[label - 1]! += 1;
  return VERTEBRAE.filter((_, index) => pixels[index]! * rowMm * columnMm >= LEAST_AREA_MM2);
}
