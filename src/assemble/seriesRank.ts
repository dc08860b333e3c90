import type { InstanceHeader } from '../case/case.ts';
import { claimedRegion } from './bodyRegion.ts';
import { compareText, missingSlices } from './sliceOrder.ts';
import type { SeriesFacts } from './seriesRules.ts';

/** One thing that makes a series the better one to analyse: the greater score wins, and `advantage` says why. */
interface Criterion {
  advantage: string;
  score: (facts: SeriesFacts) => number;
}

/** Kernels for bone: GE by name, Siemens by sharpness from 57 on, Canon FC30-39 and FC80-89, Philips D, E, YC, YD, YE. */
const BONE_KERNEL = /bone|edge|\b[bhiju][a-z]?(5[7-9]|[6-9]\d)|\bfc[38]\d\b|^(y[cde]|[de])$/i;
const BONE_DESCRIPTION = /bone|knochen|\bosseu|\bhueso|\bosso|ossea/i;
/** More than the neck and its neighbours is no advantage. */
const ENOUGH_COVERAGE_MM = 240;
/** Coverages and counts within a step are alike. */
const COVERAGE_STEP_MM = 40;

/**
 * Which of several eligible series is analysed, the most weighty criterion first. The network looks for thin dark lines in bone, so slices must be thin
 * and sharp before they are many.
 */
const CRITERIA: readonly Criterion[] = [
  { advantage: 'it says that it shows the neck', score: ({ instances }) => (claimedRegion(instances[0]!.header) === 'neck' ? 1 : 0) },
  { advantage: 'thinner slices', score: thinness },
  { advantage: 'bone kernel', score: ({ instances }) => (hasBoneKernel(instances[0]!.header) ? 1 : 0) },
  { advantage: 'more coverage', score: ({ stack }) => Math.floor(Math.min(stack.coverageMm, ENOUGH_COVERAGE_MM) / COVERAGE_STEP_MM) },
  { advantage: 'fewer missing slices', score: ({ stack }) => -missingSlices(stack) },
  { advantage: 'more slices', score: ({ stack }) => stack.slices.length },
];

/** Eligible series, best first; alike ones by their UID, so that the choice is the same on every run. */
export function rankSeries(series: readonly SeriesFacts[]): SeriesFacts[] {
  return [...series].sort((a, b) => {
    for (const { score } of CRITERIA) {
      const difference = score(b) - score(a);
      if (difference !== 0) return difference;
    }
    return compareText(a.instances[0]!.header.seriesInstanceUid, b.instances[0]!.header.seriesInstanceUid);
  });
}

/** The first criterion by which `better` wins over `worse`, for people. */
export function advantageOf(better: SeriesFacts, worse: SeriesFacts): string {
  return CRITERIA.find(({ score }) => score(better) > score(worse))?.advantage ?? 'alike in every respect, taken by its UID';
}

/** True when the kernel, or else the description, is one for bone. */
export function hasBoneKernel(header: InstanceHeader): boolean {
  return BONE_KERNEL.test(header.convolutionKernel) || BONE_DESCRIPTION.test(header.seriesDescription);
}

/** Classes rather than millimetres: 0.6 and 1 mm are as good for the network; below half a millimetre noise costs what thinness gains. */
function thinness({ instances, stack }: SeriesFacts): number {
  const thicknessMm = Math.max(instances[0]!.header.sliceThicknessMm ?? 0, stack.spacingMm);
  if (thicknessMm < 0.45) return 2;
  if (thicknessMm <= 1.5) return 3;
  return thicknessMm <= 2.5 ? 1 : 0;
}
