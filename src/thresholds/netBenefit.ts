import type { ThresholdRule, WhatIfAnswer } from '../answers/thresholdAnswers.ts';
import { Z } from '../statistics/intervals.ts';
import { isFlagged, thresholdFor } from './scoredScan.ts';
import type { ScoredScan } from './scoredScan.ts';

const FEWEST_FRACTURES = 10;
/** Net benefit (Vickers and Elkin 2006) on consecutive scans with known truth. Calibration is Spiegelhalter's test (1986) on the same scans. */
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
      const threshold = Math.min(0.999, thresholdFor(rule, scan.sourceAeTitle) ?? 0.999);
      return sum + (scan.fracture === true ? 1 : -threshold / (1 - threshold));
    }, 0) / consecutive.length;
  return {
    shown: true,
    now: of(now, (scan) => isFlagged(now, scan)),
    proposed: of(proposed, (scan) => isFlagged(proposed, scan)),
    flagAll: of(proposed, () => true),
  };
}

function isCalibrated(scans: readonly ScoredScan[]): boolean {
  let difference = 0;
  let variance = 0;
  for (const { score, fracture } of scans) {
    difference += ((fracture === true ? 1 : 0) - score) * (1 - 2 * score);
    variance += (1 - 2 * score) ** 2 * score * (1 - score);
  }
  return variance > 0 && Math.abs(difference / Math.sqrt(variance)) < Z;
}
