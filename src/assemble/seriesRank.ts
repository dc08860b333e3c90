import type { InstanceHeader } from '../case/case.ts';
import { claimedRegion } from '../case/bodyRegion.ts';
import { compareText, missingSlices } from './sliceOrder.ts';
import type { SliceStack } from './sliceOrder.ts';
import { instanceRefusal } from './seriesRules.ts';
import type { SeriesFacts, SeriesRules } from './seriesRules.ts';
import { virtualKind } from './virtualImage.ts';

/** One criterion for choosing the series to analyse: the greater score wins, and `advantage` says why. */
interface Criterion<Subject> {
  advantage: string;
  score: (subject: Subject) => number;
}

/** Bone kernels: GE by name, Siemens by sharpness from 57 on, Canon FC30-39 and FC80-89, Philips D, E, YC, YD, YE. */
const BONE_KERNEL = /bone|edge|\b[bhiju][a-z]?(5[7-9]|[6-9]\d)|\bfc[38]\d\b|^(y[cde]|[de])$/i;
const BONE_DESCRIPTION = /bone|knochen|\bosseu|\bhueso|\bosso|ossea/i;
/** Covering more than the neck and its neighbours is no advantage. */
const ENOUGH_COVERAGE_MM = 240;
/** Coverages within one step count as equal. */
const COVERAGE_STEP_MM = 40;
const LEAST_USEFUL_MM = 0.45;

/**
 * Which of several eligible series is analysed, the most important criterion first; criteria that a single header decides come before those of the stack.
 * The network looks for thin dark lines in bone, so thin and sharp slices matter more than many slices.
 */
const HEADER_CRITERIA: readonly Criterion<InstanceHeader>[] = [
  {
    advantage: 'it does not say that it shows another region',
    score: (header) => (claimedRegion(header) === 'elsewhere' ? 0 : 1),
  },
  { advantage: 'a plain reconstruction', score: (header) => (virtualKind(header) === null ? 1 : 0) },
  { advantage: 'it says that it shows the neck', score: (header) => (claimedRegion(header) === 'neck' ? 1 : 0) },
  { advantage: 'thinner slices', score: (header) => thinness(header.sliceThicknessMm ?? 0) },
  { advantage: 'bone kernel', score: (header) => (hasBoneKernel(header) ? 1 : 0) },
];
const STACK_CRITERIA: readonly Criterion<SliceStack>[] = [
  { advantage: 'slices closer together', score: ({ spacingMm }) => thinness(Math.max(spacingMm, LEAST_USEFUL_MM)) },
  {
    advantage: 'more coverage',
    score: ({ coverageMm }) => Math.floor(Math.min(coverageMm, ENOUGH_COVERAGE_MM) / COVERAGE_STEP_MM),
  },
  { advantage: 'fewer missing slices', score: (stack) => -missingSlices(stack) },
  { advantage: 'more slices', score: ({ slices }) => slices.length },
];
const CRITERIA: readonly Criterion<SeriesFacts>[] = [
  ...HEADER_CRITERIA.map(({ advantage, score }) => ({
    advantage,
    score: ({ instances }: SeriesFacts) => score(instances[0]!.header),
  })),
  ...STACK_CRITERIA.map(({ advantage, score }) => ({ advantage, score: ({ stack }: SeriesFacts) => score(stack) })),
];

/** Negative when series `a` would be analysed rather than `b`, judged by one header of each; 0 when the headers do not decide. */
export function preferSeries(a: InstanceHeader, b: InstanceHeader): number {
  return compare(HEADER_CRITERIA, a, b);
}

/** Why a slice is not worth encoding while its study still arrives, or null. It cannot be analysed, or only if nothing better arrives. */
export function refusalOnArrival(header: InstanceHeader, rules: SeriesRules): string | null {
  const refusal = instanceRefusal(header, rules);
  if (refusal !== null) return refusal.reason;
  return claimedRegion(header) === 'elsewhere' ? 'it says that it shows another region' : null;
}

/** Eligible series, best first; ties are ordered by UID, so that the choice is the same on every run. */
export function rankSeries(series: readonly SeriesFacts[]): SeriesFacts[] {
  const uidOf = ({ instances }: SeriesFacts): string => instances[0]!.header.seriesInstanceUid;
  const passOf = ({ instances }: SeriesFacts): number =>
    instances[0]!.header.acquisitionNumber ?? Number.MAX_SAFE_INTEGER;
  const firstOf = ({ stack }: SeriesFacts): string => stack.slices[0]!.instance.header.sopInstanceUid;
  return [...series].sort(
    (a, b) =>
      compare(CRITERIA, a, b) ||
      compareText(uidOf(a), uidOf(b)) ||
      passOf(a) - passOf(b) ||
      compareText(firstOf(a), firstOf(b)),
  );
}

/** The first criterion by which `better` wins over `worse`, for people. */
export function advantageOf(better: SeriesFacts, worse: SeriesFacts): string {
  return (
    CRITERIA.find(({ score }) => score(better) > score(worse))?.advantage ?? 'alike in every respect, taken by its UID'
  );
}

/** True when the kernel, or otherwise the description, indicates bone. */
export function hasBoneKernel(header: InstanceHeader): boolean {
  return BONE_KERNEL.test(header.convolutionKernel) || BONE_DESCRIPTION.test(header.seriesDescription);
}

/** Classes rather than millimetres: 0.6 and 1 mm are equally good for the network; below half a millimetre the noise outweighs the gain. */
function thinness(millimetres: number): number {
  if (millimetres < LEAST_USEFUL_MM) return 2;
  if (millimetres <= 1.5) return 3;
  return millimetres <= 2.5 ? 1 : 0;
}

function compare<Subject>(criteria: readonly Criterion<Subject>[], a: Subject, b: Subject): number {
  for (const { score } of criteria) {
    const difference = score(b) - score(a);
    if (difference !== 0) return difference;
  }
  return 0;
}
