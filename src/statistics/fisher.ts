/** Rounding must not part tables that are equally likely. */
const SAME = 1 + 1e-9;

interface Share {
  readonly hits: number;
  readonly of: number;
}

/**
 * Fisher's exact test, two-sided, of two shares: the probability, if both were the same, of a table that is no more likely than the one found. It holds for any
 * numbers, however small; 1 where there is nothing to compare.
 */
export function fisherExact(one: Share, other: Share): number {
  const all = one.of + other.of;
  const hits = one.hits + other.hits;
  if (one.of === 0 || other.of === 0 || hits === 0 || hits === all) return 1;
  const logFactorial = logFactorials(all);
  const logChoose = (n: number, k: number): number => logFactorial[n]! - logFactorial[k]! - logFactorial[n - k]!;
  const likelihood = (k: number): number =>
    Math.exp(logChoose(one.of, k) + logChoose(other.of, hits - k) - logChoose(all, hits));
  const found = likelihood(one.hits) * SAME;
  let p = 0;
  for (let k = Math.max(0, hits - other.of); k <= Math.min(one.of, hits); k++) {
    const likely = likelihood(k);
    if (likely <= found) p += likely;
  }
  return Math.min(1, p);
}

function logFactorials(most: number): Float64Array {
  const logs = new Float64Array(most + 1);
  for (let n = 1; n <= most; n++) logs[n] = logs[n - 1]! + Math.log(n);
  return logs;
}
