/** Index of the slice that is nearest to a height. */
export function nearestSlice(positionsMm: readonly number[], heightMm: number): number {
  return positionsMm.reduce(
    (best, mm, index) => (Math.abs(mm - heightMm) < Math.abs(positionsMm[best]! - heightMm) ? index : best),
    0,
  );
}

/** Whether a scan has a slice at this height: none of its slices is thicker than its spacing. */
export function hasHeight(positionsMm: readonly number[], spacingMm: number, heightMm: number): boolean {
  return Math.abs(positionsMm[nearestSlice(positionsMm, heightMm)]! - heightMm) <= spacingMm;
}

/** The offset at which two scans are compared while nothing better is known: that of their uppermost slices. */
export function offsetOfTops(positionsMm: readonly number[], priorPositionsMm: readonly number[]): number {
  return priorPositionsMm[0]! - positionsMm[0]!;
}
