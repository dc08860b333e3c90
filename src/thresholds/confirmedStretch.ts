import type { ScoredScan } from './scoredScan.ts';

/** Share of a day's scans whose truth must be known before the day counts. */
const LEAST_KNOWN_SHARE = 0.95;

/**
 * Scans of the days on which the truth of nearly every scan is known, flagged or not. Only these are consecutive scans, which a predictive value requires:
 * where readers mostly confirm what was flagged, the other days would make it read too high.
 */
export function consecutiveScans(scans: readonly ScoredScan[]): ScoredScan[] {
  const days = new Map<string, ScoredScan[]>();
  for (const scan of scans) {
    const day = days.get(scan.localDay);
    if (day === undefined) days.set(scan.localDay, [scan]);
    else day.push(scan);
  }
  return [...days.values()]
    .filter((day) => day.filter((scan) => scan.fracture !== null).length >= LEAST_KNOWN_SHARE * day.length)
    .flatMap((day) => day.filter((scan) => scan.fracture !== null));
}
