import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { thresholdText } from '../parts/format.ts';
import { ownThreshold, type Choice } from './thresholdChooser.tsx';
import { thresholdWords as words } from './thresholdsWords.ts';

/** The initial position of the slider. */
export function shownThreshold(board: ThresholdBoardAnswer, source: string): number | null {
  return ownThreshold(board, source) ?? ownThreshold(board, '');
}

/** A threshold, or that a source follows the site. */
export const valueText = (value: number | null): string => (value === null ? words.follows : thresholdText(value));

/** What is in force for a source, in words. */
export function ruleText(board: ThresholdBoardAnswer, source: string): string {
  if (board.history.length === 0) return words.noneYet;
  return board.rule.site === null ? words.stopped : valueText(ownThreshold(board, source));
}

/** What the choice would do, in one sentence. */
export function sentenceOf(
  board: ThresholdBoardAnswer,
  { source, value }: Choice,
  changes: boolean,
  whatIf: WhatIfAnswer | null,
): string {
  const from = ruleText(board, source);
  const to = valueText(value);
  if (board.scans === 0) return words.propose.noScans;
  if (!changes) return words.propose.unchanged(from);
  if (whatIf === null) return words.propose.calculating(from, to);
  const { now, proposed } = whatIf;
  const flagsADay = now.load === null || proposed.load === null ? null : proposed.load.mean - now.load.mean;
  return words.sentence(
    from,
    to,
    whatIf.scans,
    whatIf.fractures,
    flagsADay,
    whatIf.fracturesGained,
    whatIf.fracturesLost,
  );
}
