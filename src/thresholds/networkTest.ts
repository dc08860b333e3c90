import type { NetworkTest, ThresholdRule } from '../answers/thresholdAnswers.ts';
import { isFlagged } from './scoredScan.ts';

/** Scores that a network gave the cases of its own test; `of` says what the cases are. */
export interface TestScores {
  of: string;
  fractures: readonly number[];
  others: readonly number[];
}

/** What two rules make of the network's own test, for scans of one source (empty: the site). Null without such scores. */
export function networkTestOf(
  test: TestScores | null,
  sourceAeTitle: string,
  now: ThresholdRule,
  proposed: ThresholdRule,
): NetworkTest | null {
  if (test === null) return null;
  const flagged = (rule: ThresholdRule, scores: readonly number[]): number =>
    scores.filter((score) => isFlagged(rule, { score, sourceAeTitle })).length;
  const flags = (rule: ThresholdRule) => ({
    fractures: flagged(rule, test.fractures),
    others: flagged(rule, test.others),
  });
  return {
    of: test.of,
    fractures: test.fractures.length,
    others: test.others.length,
    flaggedNow: flags(now),
    flaggedProposed: flags(proposed),
  };
}
