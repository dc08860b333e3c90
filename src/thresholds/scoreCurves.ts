import type { ScoreCurves } from '../answers/thresholdAnswers.ts';
import { countAtMost, type Estimate } from '../statistics/intervals.ts';
import type { ScoredScan } from './scoredScan.ts';
import { verifiedRates } from './verifiedRates.ts';

const BINS = 40;
/** The thresholds that the page offers. */
const STEPS = Array.from({ length: 101 }, (_, step) => step / 100);
const FEWEST_FOR_A_CURVE = 10;
/** More points than this cannot be seen on a screen. */
const MOST_POINTS = 200;

/** The stored scores of one model version against confirmed truth; independent of any proposal. */
export function scoreCurves(scans: readonly ScoredScan[]): ScoreCurves {
  const fractureScores = scans
    .filter((scan) => scan.fracture === true)
    .map((scan) => scan.score)
    .sort((a, b) => a - b);
  const { points, area } = operatingPoints(scans, fractureScores.length);
  return {
    histogram: {
      binWidth: 1 / BINS,
      fracture: histogram(scans, true),
      withoutFracture: histogram(scans, false),
      unconfirmed: histogram(scans, null),
    },
    fractureScores,
    byThreshold: verifiedRates(scans, STEPS.length, ({ score }) => countAtMost(STEPS, score)).rules.map(
      (rates, step) => ({
        threshold: STEPS[step]!,
        ...rates,
      }),
    ),
    roc: points.flatMap(({ threshold, sensitivity, specificity }) =>
      sensitivity === null || specificity === null
        ? []
        : [{ threshold, x: 1 - specificity.value, y: sensitivity.value, band: bandOf(sensitivity) }],
    ),
    rocAuc: area,
    precisionRecall: points.flatMap(({ threshold, sensitivity, ppv }) =>
      sensitivity === null || ppv === null
        ? []
        : [{ threshold, x: sensitivity.value, y: ppv.value, band: bandOf(ppv) }],
    ),
  };
}

const bandOf = ({ low, high }: Estimate) => ({ low, high });

/** The rules between which the curves run, the strictest first: one for each known score, or as many as a screen can show. */
function operatingPoints(scans: readonly ScoredScan[], fractures: number) {
  const known = scans.filter((scan) => scan.fracture !== null);
  if (fractures < FEWEST_FOR_A_CURVE || known.length - fractures < FEWEST_FOR_A_CURVE)
    return { points: [], area: null };
  const thresholds = thinned([...new Set(known.map((scan) => scan.score))].sort((a, b) => a - b));
  const { rules, area } = verifiedRates(scans, thresholds.length, ({ score }) => countAtMost(thresholds, score));
  const points = rules.map(({ sensitivity, specificity, ppv }, index) => ({
    threshold: thresholds[index]!,
    sensitivity: sensitivity.estimate,
    specificity: specificity.estimate,
    ppv: ppv.estimate,
  }));
  return { points: points.reverse(), area };
}

function histogram(scans: readonly ScoredScan[], fracture: boolean | null): number[] {
  const bins = Array.from({ length: BINS }, () => 0);
  for (const scan of scans)
    if (scan.fracture === fracture) bins[Math.min(BINS - 1, Math.floor(scan.score * BINS))]! += 1;
  return bins;
}

function thinned<T>(points: readonly T[]): T[] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, index) => index % every === 0);
}
