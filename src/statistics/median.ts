/** The middle value, or the mean of the two in the middle; null of none. */
export function median(values: Iterable<number>): number | null {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? null : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
