import type { Proportion } from '../answers/thresholdAnswers.ts';
import { wilsonInterval } from '../statistics/intervals.ts';

/** Fewer than this give counts and no percentage. */
const FEWEST_FOR_A_PERCENTAGE = 10;
/** A wider 95 % interval says too little to decide by. */
const WIDEST_INTERVAL = 0.2;

/** `cases` is how many of the kind that the figure rests on are known (fractures, for sensitivity). */
export function proportionOf(hits: number, total: number, cases: number): Proportion {
  const estimate = cases < FEWEST_FOR_A_PERCENTAGE ? null : wilsonInterval(hits, total);
  if (estimate === null) return { hits, total, estimate, standing: 'counts-only' };
  return { hits, total, estimate, standing: estimate.high - estimate.low > WIDEST_INTERVAL ? 'uncertain' : 'shown' };
}
