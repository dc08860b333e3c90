import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TriageError } from '../base/errors.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import type { LabelledCase, Problem, TruthSlice } from './dataset.ts';
import { niftiOnSlices } from './nifti.ts';

/** Less of a vertebra on a slice is the rounding of a segmentation's edge. */
const LEAST_AREA_MM2 = 10;

/** What a slice shows of the spine. */
export interface SpineOnSlice {
  /** The vertebrae that it cuts, from the skull down. */
  levels: Vertebra[];
  /** The middle of what it cuts of them: [row, column] of the stored matrix; null where it cuts none. */
  middle: readonly [number, number] | null;
}

/**
 * What each slice of a case shows of the spine, in the order of the slices, from the case's segmentation: 1 to 7 are C1 to C7, 8 is T1. Null where it has none, or
 * one that cannot be used; the problem then says why.
 */
export async function vertebraTruth(
  labelled: LabelledCase,
  slices: readonly TruthSlice[],
): Promise<{ spine: SpineOnSlice[] | null; problems: Problem[] }> {
  const { vertebrae } = labelled;
  if (vertebrae === undefined) return { spine: null, problems: [] };
  const refused = (why: string) => ({
    spine: null,
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
    const spine = labels.map((own, index): SpineOnSlice => {
      const { pixelSpacingMm, columns } = headers[index]!;
      const levels = own === null ? [] : cutBy(own, pixelSpacingMm!);
      return { levels, middle: own === null || levels.length === 0 ? null : middleOf(own, columns!) };
    });
    return spine.every(({ levels }) => levels.length === 0)
      ? refused('it shows no vertebra on any slice')
      : { spine, problems: [] };
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

/** Mean [row, column] of the pixels of vertebrae. */
function middleOf(labels: Uint8Array, columns: number): [number, number] {
  let [rows, across, count] = [0, 0, 0];
  for (const [pixel, label] of labels.entries()) {
    if (label < 1 || label > VERTEBRAE.length) continue;
    rows += Math.floor(pixel / columns);
    across += pixel % columns;
    count += 1;
  }
  return [rows / count, across / count];
}
