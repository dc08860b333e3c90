import type { StoredImage } from '../case/case.ts';
import { positionAlongMm, superiorNormal } from '../dicom/geometry.ts';

/** The slices of a series with their geometry in the patient. */
export interface SliceStack {
  /** Superior to inferior, one per position. `positionMm` is along the normal; greater is superior. */
  slices: { instance: StoredImage; positionMm: number }[];
  /** Slices at a position that is already taken. */
  duplicates: StoredImage[];
  /** Distance of neighbours without a hole between them, rounded to the micrometre; 0 for fewer than two slices. */
  spacingMm: number;
  /** From the upper face of the first slice to the lower face of the last. */
  coverageMm: number;
  /** Holes: index of the slice before the hole, and how many slices would fill it. */
  gaps: { afterSliceIndex: number; missingSlices: number }[];
  /** Steps that are not a whole multiple of the spacing. */
  irregularSteps: number;
}

/** Slices closer than this are at the same position; no scanner reconstructs a tenth of a millimetre apart. */
export const SAME_POSITION_MM = 0.05;
/** Positions are whole millimetres within this. */
const WHOLE_MM = 1e-6;
/** How far apart rounded positions lie from a line: half a millimetre to either side, and what it is tilted by itself. */
const MOST_ROUNDING_MM = 1.25;
/** How far a step may deviate from a multiple of the spacing, as a share of the spacing: table positions are written with rounding. */
export const STEP_TOLERANCE = 0.2;

/**
 * Orders slices along their common normal by ImagePositionPatient (PS3.3 C.7.6.2.1.1), never by InstanceNumber, and finds duplicates and holes.
 * The order of the input does not matter. Slices without a usable position or orientation must already have been removed.
 */
export function orderSlices(instances: readonly StoredImage[]): SliceStack {
  const byUid = [...instances].sort(compareImages);
  const orientation = byUid[0]?.header.imageOrientationPatient ?? null;
  const normal = orientation === null ? null : superiorNormal(orientation);
  const placed = byUid.flatMap((instance) => {
    const position = instance.header.imagePositionPatientMm;
    return position === null || normal === null ? [] : [{ instance, positionMm: positionAlongMm(position, normal) }];
  });
  // The sort is stable: of slices at one position the one with the smaller UID stays, whatever the order of arrival.
  placed.sort((a, b) => b.positionMm - a.positionMm);

  const slices: SliceStack['slices'] = [];
  const duplicates: StoredImage[] = [];
  for (const slice of placed) {
    const above = slices.at(-1);
    if (above !== undefined && above.positionMm - slice.positionMm < SAME_POSITION_MM) duplicates.push(slice.instance);
    else slices.push(slice);
  }

  const steps = slices.slice(1).map((slice, index) => slices[index]!.positionMm - slice.positionMm);
  const spacingMm = commonStep(steps);
  const gaps: SliceStack['gaps'] = [];
  let irregularSteps = 0;
  for (const [index, step] of steps.entries()) {
    const multiple = Math.round(step / spacingMm);
    if (Math.abs(step - multiple * spacingMm) > STEP_TOLERANCE * spacingMm) irregularSteps++;
    if (multiple > 1) gaps.push({ afterSliceIndex: index, missingSlices: multiple - 1 });
  }
  const extentMm = slices.length === 0 ? 0 : slices[0]!.positionMm - slices.at(-1)!.positionMm;
  const roundedMm = irregularSteps === 0 ? null : spacingBeforeRounding(slices.map(({ positionMm }) => positionMm));
  if (roundedMm !== null)
    return {
      slices,
      duplicates,
      spacingMm: roundedMm,
      coverageMm: extentMm + roundedMm,
      gaps: [],
      irregularSteps: 0,
    };
  return { slices, duplicates, spacingMm, coverageMm: extentMm + spacingMm, gaps, irregularSteps };
}

/** The even spacing whose positions, rounded to whole millimetres, are these (some writers leave the decimals out); null when they are no such positions. */
function spacingBeforeRounding(positionsMm: readonly number[]): number | null {
  if (!positionsMm.every((position) => Math.abs(position - Math.round(position)) < WHOLE_MM)) return null;
  // Of the line of best fit.
  const middle = (positionsMm.length - 1) / 2;
  const mean = positionsMm.reduce((sum, position) => sum + position, 0) / positionsMm.length;
  const moment = positionsMm.reduce((sum, position, index) => sum + (index - middle) * (position - mean), 0);
  const slope = moment / positionsMm.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
  const errors = positionsMm.map((position, index) => position - mean - slope * (index - middle));
  return Math.max(...errors) - Math.min(...errors) <= MOST_ROUNDING_MM ? Number((-slope).toFixed(3)) : null;
}

/** Slices that would fill all holes of a stack. */
export function missingSlices(stack: SliceStack): number {
  return stack.gaps.reduce((sum, gap) => sum + gap.missingSlices, 0);
}

/** The two distances between neighbours of slices that lie alternately nearer and farther apart, as those of two stacks do that were put together; otherwise null. */
export function alternatingSteps({ slices, gaps, irregularSteps }: SliceStack): [number, number] | null {
  if (slices.length < 4 || gaps.length + irregularSteps === 0) return null;
  const steps = slices.slice(1).map(({ positionMm }, index) => slices[index]!.positionMm - positionMm);
  const [even, odd] = [0, 1].map((first) => commonStep(steps.filter((_, index) => index % 2 === first)));
  const [near, far] = [Math.min(even!, odd!), Math.max(even!, odd!)];
  const isAlternating = (step: number, index: number): boolean =>
    Math.abs(step - (index % 2 === 0 ? even! : odd!)) <= STEP_TOLERANCE * near;
  return far - near > STEP_TOLERANCE * near && steps.every(isAlternating) ? [near, far] : null;
}

/** By SOP Instance UID, then by frame. */
export function compareImages(a: StoredImage, b: StoredImage): number {
  return compareText(a.header.sopInstanceUid, b.header.sopInstanceUid) || (a.frameNumber ?? 0) - (b.frameNumber ?? 0);
}

/** By code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The median tells single steps from holes; the mean of the single steps then removes the rounding of the individual positions. */
function commonStep(steps: readonly number[]): number {
  const median = [...steps].sort((a, b) => a - b)[Math.floor((steps.length - 1) / 2)];
  if (median === undefined) return 0;
  const single = steps.filter((step) => Math.abs(step - median) <= STEP_TOLERANCE * median);
  return Number((single.reduce((sum, step) => sum + step, 0) / single.length).toFixed(3));
}
