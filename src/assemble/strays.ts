import type { StoredImage } from '../case/case.ts';
import { positionAlongMm, superiorNormal } from '../dicom/geometry.ts';

/** Farther than this many steps from its place among its neighbours, a slice has a wrong position. */
const LEAST_STEPS_AWAY = 3;
/** How much the distance of its neighbours may differ from two steps, in steps. */
const TOLERANCE_STEPS = 0.4;

/** Of more slices than this share, the numbers are wrong and not the positions. */
const MOST_SHARE = 0.05;

/**
 * The slices of a stack whose ImagePositionPatient cannot be right: by their number they belong between two slices that are two steps apart, and they lie
 * somewhere else (a position of zeros, another sign, a lost digit). Where numbers are missing or shared nothing is known.
 */
export function strays(slices: readonly StoredImage[]): StoredImage[] {
  const numbers = new Set(slices.map(({ header }) => header.instanceNumber));
  if (numbers.has(null) || numbers.size < slices.length || slices.length < 3) return [];
  const normal = superiorNormal(slices[0]!.header.imageOrientationPatient!)!;
  const placed = slices
    .map((slice) => ({
      slice,
      number: slice.header.instanceNumber!,
      positionMm: positionAlongMm(slice.header.imagePositionPatientMm!, normal),
    }))
    .sort((a, b) => a.number - b.number);
  const steps = placed.slice(1).map(({ positionMm }, index) => Math.abs(positionMm - placed[index]!.positionMm));
  const stepMm = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  const found = placed.flatMap(({ slice, positionMm }, index) => {
    const [before, after] = [placed[index - 1], placed[index + 1]];
    if (before === undefined || after === undefined) return [];
    const neighboursMm = Math.abs(after.positionMm - before.positionMm);
    const awayMm = Math.abs(positionMm - (before.positionMm + after.positionMm) / 2);
    const isGapOfOne = Math.abs(neighboursMm - 2 * stepMm) <= TOLERANCE_STEPS * stepMm;
    return isGapOfOne && awayMm > LEAST_STEPS_AWAY * stepMm ? [slice] : [];
  });
  return found.length <= MOST_SHARE * slices.length ? found : [];
}
