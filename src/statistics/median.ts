/** The middle value, or the mean of the two middle values; null for an empty list. */
export function median(values: Iterable<number>): number | null {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? null : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
