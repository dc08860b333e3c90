import type { ThresholdRule, WhatIfAnswer } from '../answers/thresholdAnswers.ts';
import { calibrationFigures } from '../statistics/calibration.ts';
import type { Estimate } from '../statistics/intervals.ts';
import { isFlagged, thresholdFor } from './scoredScan.ts';
import type { ScoredScan } from './scoredScan.ts';

const FEWEST_FRACTURES = 10;
/** Scores within these bounds are close enough to probabilities: the slope of the truth over the score's logit, and what must be added to that logit. */
const SLOPE_BOUNDS = { low: 0.8, high: 1.25 };
const SHIFT_BOUNDS = { low: -0.25, high: 0.25 };

/** Net benefit (Vickers and Elkin 2006) on consecutive scans with known truth, where calibration was shown on the same scans. */
export function netBenefit(
  consecutive: readonly ScoredScan[],
  now: ThresholdRule,
  proposed: ThresholdRule,
): WhatIfAnswer['netBenefit'] {
  const fractures = consecutive.filter((scan) => scan.fracture === true).length;
  if (fractures < FEWEST_FRACTURES || consecutive.length - fractures < FEWEST_FRACTURES)
    return { shown: false, why: 'too-few' };
  if (!isCalibrated(consecutive)) return { shown: false, why: 'not-calibrated' };
  const of = (rule: ThresholdRule, flagged: (scan: ScoredScan) => boolean) =>
    consecutive.filter(flagged).reduce((sum, scan) => {
      const threshold = Math.min(0.999, thresholdFor(rule, scan.sourceAeTitle) ?? Infinity);
      return sum + (scan.fracture === true ? 1 : -threshold / (1 - threshold));
    }, 0) / consecutive.length;
  return {
    shown: true,
    now: of(now, (scan) => isFlagged(now, scan)),
    proposed: of(proposed, (scan) => isFlagged(proposed, scan)),
    flagAll: of(proposed, () => true),
  };
}

/**
 * Whether calibration was shown: the whole 95 % intervals of slope and calibration in the large lie within the bounds. A test that only fails to find a
 * difference would pass any network on few scans.
 */
function isCalibrated(scans: readonly ScoredScan[]): boolean {
  const { slope, inTheLarge } = calibrationFigures(
    scans.map(({ score, fracture }) => ({ score, label: fracture === true })),
    scans.map(({ patient }) => String(patient)),
  );
  return isWithin(slope, SLOPE_BOUNDS) && isWithin(inTheLarge, SHIFT_BOUNDS);
}

const isWithin = (estimate: Estimate | null, bounds: { low: number; high: number }): boolean =>
  estimate !== null && estimate.low >= bounds.low && estimate.high <= bounds.high;
