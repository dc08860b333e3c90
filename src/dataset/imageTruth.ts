import path from 'node:path';
import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { Box, LabelledCase, Problem, TruthSlice } from './dataset.ts';
import type { SliceMask } from './dicomMask.ts';
import { intersect, readMask } from './masks.ts';

/** Truth of one slice. */
export interface ImageTruth {
  /** Null: not known. */
  readonly label: boolean | null;
  /** Marked pixels as stored; null when nothing is marked, or not known. */
  readonly mask: SliceMask;
}

/**
 * The truth of the slices of a case, in their order. A label stated by the dataset wins over one that follows from boxes or masks; if they
 * contradict each other, or a mask cannot be read, a problem says so.
 */
export async function imageTruth(
  labelled: LabelledCase,
  slices: readonly TruthSlice[],
): Promise<{ truth: ImageTruth[]; problems: Problem[] }> {
  const problems: Problem[] = [];
  const note = (problem: string): void => void problems.push({ where: labelled.id, problem, dropped: false });
  const readers: SliceMask[][] = [];
  for (const files of labelled.masks) {
    try {
      readers.push(await readMask(files, slices));
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      note(`the mask ${path.basename(files[0]!)} is not used: ${error.message}`);
    }
  }
  const complete = readers.length === labelled.masks.length;
  const masks =
    complete && readers.length > 0
      ? intersect(readers)
      : slices.map((slice) => boxMask(slice.header, (isWholeFile(slice) && labelled.boxes.get(slice.file)) || []));
  if (complete && readers.length > 0 && labelled.label && !masks.some((mask) => mask !== null))
    note(readers.length > 1 ? 'the readers’ masks have no pixel in common' : 'the mask marks no pixel of the series');
  const truth = slices.map((slice, i): ImageTruth => {
    const mask = masks[i] ?? null;
    const stated = isWholeFile(slice) ? labelled.imageLabels.get(slice.file) : undefined;
    const derived = mask !== null ? true : labelled.unmarkedIsIntact && complete ? false : null;
    return { label: stated ?? derived, mask };
  });
  const against = slices.filter(
    ({ file }, i) => labelled.imageLabels.has(file) && masks[i] !== null && labelled.imageLabels.get(file) === false,
  );
  if (against.length > 0)
    note(`${against.length} images are labelled 0 and yet marked, ${path.basename(against[0]!.file)} among them`);
  if (!labelled.label && truth.some(({ label }) => label === true))
    note('the case is negative, and yet an image of it is positive');
  return { truth, problems };
}

/** Labels and boxes are stated by file: of a file of many frames they do not say which one they mean. */
function isWholeFile({ frameNumber }: TruthSlice): boolean {
  return frameNumber === undefined;
}

function boxMask({ rows, columns }: InstanceHeader, boxes: readonly Box[]): SliceMask {
  if (boxes.length === 0 || rows === null || columns === null) return null;
  const mask = new Uint8Array(rows * columns);
  for (const { left, top, right, bottom } of boxes) {
    for (let row = Math.max(0, top); row < Math.min(rows, bottom); row++)
      mask.fill(1, row * columns + Math.max(0, left), row * columns + Math.min(columns, right));
  }
  return mask.includes(1) ? mask : null;
}
