import { Z } from '../statistics/intervals.ts';
import type { ScoredScan } from './scoredScan.ts';

/**
 * How many more unflagged scans must be verified, chosen at random, until sensitivity is known to within `half` (0.05: five points up and down).
 * By the delta method on Begg and Greenes' estimate: all the uncertainty is in the share of fractures among the unflagged scans, which half a
 * fracture more keeps away from zero.
 */
export function scansToVerify(scans: readonly ScoredScan[], half: number): number {
  const flagged = scans.filter((scan) => scan.wasFlagged);
  const unflagged = scans.filter((scan) => !scan.wasFlagged);
  const [knownFlagged, knownUnflagged] = [flagged, unflagged].map((of) => of.filter((scan) => scan.fracture !== null));
  const fractures = (of: readonly ScoredScan[]) => of.filter((scan) => scan.fracture === true).length;
  const found = (flagged.length * (fractures(knownFlagged!) + 0.5)) / (knownFlagged!.length + 1);
  const missRate = (fractures(knownUnflagged!) + 0.5) / (knownUnflagged!.length + 1);
  const sensitivity = found / (found + unflagged.length * missRate);
  const wanted = ((Z * sensitivity * (1 - sensitivity)) / half) ** 2 * ((1 - missRate) / missRate);
  const unverified = unflagged.length - knownUnflagged!.length;
  return Math.min(unverified, Math.max(0, Math.ceil(wanted) - knownUnflagged!.length));
}
