import type { FlipAnswer, ThresholdRule } from '../answers/thresholdAnswers.ts';
import { isFlagged } from './scoredScan.ts';
import type { ScoredScan } from './scoredScan.ts';

/** A past scan that the two rules judge differently. */
type Flip = Omit<FlipAnswer, 'caseRef' | 'present'> & { studyInstanceUid: string };

const TRUTHS = [true, null, false] as const;

/** Every scan that the rules in force and proposed judge differently: confirmed fractures first, lost before gained ones, then by score. */
export function flipsBetween(scans: readonly ScoredScan[], now: ThresholdRule, proposed: ThresholdRule): Flip[] {
  return scans
    .filter((scan) => isFlagged(now, scan) !== isFlagged(proposed, scan))
    .map((scan): Flip => ({
      studyInstanceUid: scan.studyInstanceUid,
      score: scan.score,
      fracture: scan.fracture,
      sourceAeTitle: scan.sourceAeTitle,
      arrivedAtMs: scan.arrivedAtMs,
      change: isFlagged(proposed, scan) ? 'gained' : 'lost',
    }))
    .sort(
      (a, b) =>
        TRUTHS.indexOf(a.fracture) - TRUTHS.indexOf(b.fracture) ||
        b.change.localeCompare(a.change) ||
        b.score - a.score ||
        a.arrivedAtMs - b.arrivedAtMs,
    );
}
