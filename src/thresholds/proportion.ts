import type { Proportion } from '../answers/thresholdAnswers.ts';
import { wilsonInterval } from '../statistics/intervals.ts';

/** Below this number only counts are given, no percentage. */
const FEWEST_FOR_A_PERCENTAGE = 10;
/** With a 95 % interval wider than this, the figure is too uncertain to decide by. */
const WIDEST_INTERVAL = 0.2;

/** `cases` is the number of known cases that the figure rests on (fractures, for sensitivity). */
export function proportionOf(hits: number, total: number, cases: number): Proportion {
  const estimate = cases < FEWEST_FOR_A_PERCENTAGE ? null : wilsonInterval(hits, total);
  if (estimate === null) return { hits, total, estimate, standing: 'counts-only' };
  return { hits, total, estimate, standing: estimate.high - estimate.low > WIDEST_INTERVAL ? 'uncertain' : 'shown' };
}
