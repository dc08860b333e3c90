import type { SliceProfile } from './sliceProfile.ts';

/** Slices of one scan with their place along the body, mm, greater is superior; in any order. */
export type HeightProfile = readonly { positionMm: number; profile: SliceProfile }[];

const STEP_MM = 2;
/** With less in common any two pieces of a neck look alike somewhere. */
const LEAST_OVERLAP_MM = 60;
/** A nearly equal likeness within this of the best place is the same place. */
const SAME_PLACE_MM = 24;
/** Mean difference of the profiles, in units of how much they vary along a scan. */
const MOST_DIFFERENCE = 0.5;
/** Every other place has to differ this many times as much as the best one, and by more than rounding. */
const LEAST_LEAD = 1.25;
const ROUNDING = 0.03;
/** So much of a difference that is the same all along does not count: a smaller field, a thicker coat of fat, contrast medium. */
const CONSTANT_SHARE = 0.7;
/** No profile varies less along a neck: a bottle or an empty table has no height. */
const LEAST_SPREAD: Readonly<Record<keyof SliceProfile, number>> = {
  widthMm: 8,
  depthMm: 8,
  bodyCm2: 12,
  boneCm2: 2,
  airCm2: 1.5,
};
const MEASURES = Object.keys(LEAST_SPREAD) as (keyof SliceProfile)[];

/**
 * The offset, mm, at which the profiles of two scans of one patient agree: what is at `positionMm` in `scan` is at `positionMm` plus the offset in `prior`.
 * Null when they agree nowhere, or in several places alike.
 */
export function matchHeights(scan: HeightProfile, prior: HeightProfile): number | null {
  const [one, other] = [sampled(scan), sampled(prior)];
  const least = Math.ceil(LEAST_OVERLAP_MM / STEP_MM);
  if (Math.min(one.length, other.length) < least) return null;
  const spread = MEASURES.map((name, at) =>
    Math.max(LEAST_SPREAD[name], deviation([...one.values[at]!, ...other.values[at]!])),
  );
  // The first sample of the prior lies beside sample `shift` of the scan.
  const tried: { shift: number; difference: number }[] = [];
  for (let shift = least - other.length; shift <= one.length - least; shift += 1)
    tried.push({ shift, difference: differenceAt(one, other, shift, spread) });
  const at = tried.reduce((best, { difference }, index) => (difference < tried[best]!.difference ? index : best), 0);
  const [before, best, after] = [tried[at - 1], tried[at], tried[at + 1]];
  // At an end, where they have the least in common, they may agree better beyond it.
  if (before === undefined || best === undefined || after === undefined) return null;
  const isRival = ({ shift, difference }: typeof best): boolean =>
    Math.abs(shift - best.shift) * STEP_MM > SAME_PLACE_MM && difference < LEAST_LEAD * best.difference + ROUNDING;
  if (best.difference > MOST_DIFFERENCE || tried.some(isRival)) return null;
  const shift = best.shift + vertex(before.difference, best.difference, after.difference);
  return other.topMm - one.topMm + shift * STEP_MM;
}

/** A profile at even steps from the top: `values[measure][step]`. */
interface Sampled {
  topMm: number;
  length: number;
  values: Float64Array[];
}

function sampled(slices: HeightProfile): Sampled {
  const downwards = slices.toSorted((a, b) => b.positionMm - a.positionMm);
  const topMm = downwards[0]?.positionMm ?? 0;
  const length = downwards.length < 2 ? 0 : Math.floor((topMm - downwards.at(-1)!.positionMm) / STEP_MM) + 1;
  const values = MEASURES.map(() => new Float64Array(length));
  let below = 1;
  for (let step = 0; step < length; step += 1) {
    const atMm = topMm - step * STEP_MM;
    while (below < downwards.length - 1 && downwards[below]!.positionMm > atMm) below += 1;
    const [upper, lower] = [downwards[below - 1]!, downwards[below]!];
    const share = Math.min(1, (upper.positionMm - atMm) / (upper.positionMm - lower.positionMm || 1));
    for (const [at, name] of MEASURES.entries())
      values[at]![step] = upper.profile[name] * (1 - share) + lower.profile[name] * share;
  }
  return { topMm, length, values };
}

function differenceAt(one: Sampled, other: Sampled, shift: number, spread: readonly number[]): number {
  const first = Math.max(0, shift);
  const end = Math.min(one.length, other.length + shift);
  const total = one.values.reduce((sum, values, at) => {
    const differences = values
      .subarray(first, end)
      .map((value, step) => value - other.values[at]![first + step - shift]!);
    const constant = CONSTANT_SHARE * mean(differences);
    return sum + mean(differences.map((difference) => Math.abs(difference - constant))) / spread[at]!;
  }, 0);
  return total / MEASURES.length;
}

function mean(values: Float64Array | readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** Where, between -0.5 and 0.5 steps, the parabola through three neighbours is lowest. */
function vertex(before: number, here: number, after: number): number {
  const bend = before - 2 * here + after;
  return bend <= 0 ? 0 : (before - after) / (2 * bend);
}
