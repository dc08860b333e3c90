import { wilsonInterval } from '../statistics/intervals.ts';
import type { Estimate } from '../statistics/intervals.ts';

/** Fewer than this give counts and no percentage. */
const FEWEST_FOR_A_PERCENTAGE = 10;
/** A wider 95 % interval says too little to decide by. */
const WIDEST_INTERVAL = 0.2;

/** `counts-only`: too few for a percentage. `uncertain`: shown hatched, for the interval is wider than 20 points. */
type Standing = 'shown' | 'uncertain' | 'counts-only';

/** Counts first, then a share with Wilson's 95 % interval where there are enough cases to give one. */
export interface Proportion {
  hits: number;
  total: number;
  /** 0..1; null where there are too few cases. */
  estimate: Estimate | null;
  standing: Standing;
}

/** `cases` is how many of the kind that the figure rests on are known (fractures, for sensitivity). */
export function proportionOf(hits: number, total: number, cases: number): Proportion {
  const estimate = cases < FEWEST_FOR_A_PERCENTAGE ? null : wilsonInterval(hits, total);
  if (estimate === null) return { hits, total, estimate, standing: 'counts-only' };
  return { hits, total, estimate, standing: estimate.high - estimate.low > WIDEST_INTERVAL ? 'uncertain' : 'shown' };
}
