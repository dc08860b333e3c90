import type { RuleFigures, ScoreCurves } from '../answers/thresholdAnswers.ts';
import { delongInterval, wilsonInterval } from '../statistics/intervals.ts';
import { operatingCurve } from '../statistics/metrics.ts';
import type { CurvePoint } from '../statistics/metrics.ts';
import { consecutiveScans } from './confirmedStretch.ts';
import { proportionOf } from './proportion.ts';
import type { ScoredScan } from './scoredScan.ts';

const BINS = 40;
const FEWEST_FOR_A_CURVE = 10;
/** More points than this cannot be seen on a screen. */
const MOST_POINTS = 200;

/** The stored scores of one model version against confirmed truth; independent of any proposal. */
export function scoreCurves(scans: readonly ScoredScan[]): ScoreCurves {
  const known = scans.filter((scan) => scan.fracture !== null);
  const consecutive = consecutiveScans(scans);
  const fractureScores = known
    .filter((scan) => scan.fracture === true)
    .map((scan) => scan.score)
    .sort((a, b) => a - b);
  const curve = (of: readonly ScoredScan[]) => {
    const fractures = of.filter((scan) => scan.fracture === true).length;
    const enough = fractures >= FEWEST_FOR_A_CURVE && of.length - fractures >= FEWEST_FOR_A_CURVE;
    const points = enough
      ? operatingCurve(of.map((scan) => ({ label: scan.fracture === true, score: scan.score })))
      : [];
    return { fractures, others: of.length - fractures, points: thinned(corners(points)) };
  };
  const all = curve(known);
  const stretch = curve(consecutive);
  const labelled = known.map((scan) => ({ label: scan.fracture === true, score: scan.score }));
  return {
    histogram: {
      binWidth: 1 / BINS,
      fracture: histogram(scans, true),
      withoutFracture: histogram(scans, false),
      unconfirmed: histogram(scans, null),
    },
    fractureScores,
    byThreshold: Array.from({ length: 101 }, (_, step) => atThreshold(known, consecutive, step / 100)),
    roc: all.points.map((point) => ({
      threshold: point.threshold,
      x: point.fpr,
      y: point.tpr,
      band: wilsonInterval(Math.round(point.tpr * all.fractures), all.fractures)!,
    })),
    rocAuc: all.points.length === 0 ? null : delongInterval(labelled),
    precisionRecall: stretch.points.map((point) => {
      const hits = Math.round(point.tpr * stretch.fractures);
      const flagged = hits + Math.round(point.fpr * stretch.others);
      return { threshold: point.threshold, x: point.tpr, y: point.precision, band: wilsonInterval(hits, flagged)! };
    }),
  };
}

function histogram(scans: readonly ScoredScan[], fracture: boolean | null): number[] {
  const bins = Array.from({ length: BINS }, () => 0);
  for (const scan of scans)
    if (scan.fracture === fracture) bins[Math.min(BINS - 1, Math.floor(scan.score * BINS))]! += 1;
  return bins;
}

function atThreshold(
  known: readonly ScoredScan[],
  consecutive: readonly ScoredScan[],
  threshold: number,
): ScoreCurves['byThreshold'][number] {
  return { threshold, ...ratesAt(known, consecutive, (scan) => scan.score >= threshold) };
}

/** The three shares of one decision rule; the predictive value rests on consecutive scans. */
export function ratesAt(
  known: readonly ScoredScan[],
  consecutive: readonly ScoredScan[],
  flagged: (scan: ScoredScan) => boolean,
): Pick<RuleFigures, 'sensitivity' | 'specificity' | 'ppv'> {
  let fractures = 0;
  let hits = 0;
  let rejected = 0;
  for (const scan of known) {
    const flag = flagged(scan);
    if (scan.fracture === true) {
      fractures += 1;
      if (flag) hits += 1;
    } else if (!flag) rejected += 1;
  }
  const others = known.length - fractures;
  const flags = consecutive.filter(flagged);
  return {
    sensitivity: proportionOf(hits, fractures, fractures),
    specificity: proportionOf(rejected, others, others),
    ppv: proportionOf(
      flags.filter((scan) => scan.fracture === true).length,
      flags.length,
      consecutive.filter((scan) => scan.fracture === true).length,
    ),
  };
}

/** Keeps only the corners of the curve: between them it runs straight up or straight across. */
function corners(points: readonly CurvePoint[]): CurvePoint[] {
  return points.filter((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined || after === undefined) return true;
    return !(
      (before.tpr === point.tpr && point.tpr === after.tpr) ||
      (before.fpr === point.fpr && point.fpr === after.fpr)
    );
  });
}

function thinned<T>(points: readonly T[]): T[] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}
