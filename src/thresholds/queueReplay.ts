import { compareReadingPlaces, readingTier } from '../case/readingOrder.ts';
import type { Judgement, ReadingPlace } from '../case/readingOrder.ts';
import { thresholdFor } from './scoredScan.ts';
import type { ThresholdRule } from './scoredScan.ts';

/** A scan that the site has received and read. */
export interface ReadScan {
  studyInstanceUid: string;
  sourceAeTitle: string;
  arrivedAtMs: number;
  /** When its score was known; null when it never had one. */
  scoredAtMs: number | null;
  score: number | null;
  stat: boolean;
  /** When somebody marked it as read. */
  readAtMs: number;
  fracture: boolean | null;
  /** `YYYY-MM-DD` of the arrival in the site's own time. */
  localDay: string;
}

export interface ReplayedRead {
  scan: ReadScan;
  readAtMs: number;
  waitMs: number;
  /** Under the replayed rule, whenever the score came. */
  flagged: boolean;
}

/**
 * Reads the site's scans again under another rule, with the wait cap on. Every moment at which a reader really finished a scan is one turn, and each turn
 * goes to the scan that stands first on the list at that moment. So the readers' working hours and pace are the site's own and only the order changes:
 * every scan is read exactly once, at a real reading time, after it arrived. Why turns and not service times: docs/adr/0017.
 *
 * @returns in the order of reading
 */
export function replayQueue(scans: readonly ReadScan[], rule: ThresholdRule, maxWaitMs: number): ReplayedRead[] {
  const arrivals = [...scans].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  // A clock that was set back can leave a read before its arrival; the turn is then the arrival's.
  const turns = scans.map((scan) => Math.max(scan.readAtMs, scan.arrivedAtMs)).sort((a, b) => a - b);
  const waiting: ReadScan[] = [];
  const reads: ReplayedRead[] = [];
  let next = 0;
  for (const turnMs of turns) {
    for (let scan = arrivals[next]; scan !== undefined && scan.arrivedAtMs <= turnMs; scan = arrivals[++next])
      waiting.push(scan);
    const scan = takeFirst(waiting, rule, turnMs, maxWaitMs);
    reads.push({ scan, readAtMs: turnMs, waitMs: turnMs - scan.arrivedAtMs, flagged: isFlaggedScan(rule, scan) });
  }
  return reads;
}

/** Every turn up to a moment belongs to a scan that had arrived by then, so somebody is always waiting. */
function takeFirst(waiting: ReadScan[], rule: ThresholdRule, nowMs: number, maxWaitMs: number): ReadScan {
  let firstIndex = 0;
  let first: ReadingPlace | null = null;
  for (const [index, scan] of waiting.entries()) {
    const place = placeOf(scan, rule, nowMs, maxWaitMs);
    if (first === null || compareReadingPlaces(place, first) < 0) {
      first = place;
      firstIndex = index;
    }
  }
  return waiting.splice(firstIndex, 1)[0]!;
}

function placeOf(scan: ReadScan, rule: ThresholdRule, nowMs: number, maxWaitMs: number): ReadingPlace {
  const { stat, arrivedAtMs, studyInstanceUid } = scan;
  const tier = readingTier({ stat, arrivedAtMs, judgement: judgementOf(scan, rule, nowMs) }, nowMs, maxWaitMs);
  return { tier, probability: scan.score, arrivedAtMs, studyInstanceUid };
}

function judgementOf(scan: ReadScan, rule: ThresholdRule, nowMs: number): Judgement {
  if (scan.score === null || scan.scoredAtMs === null || scan.scoredAtMs > nowMs) return 'unscored';
  // Without a threshold nothing is analysed: every scan waits as one without a score.
  if (thresholdFor(rule, scan.sourceAeTitle) === null) return 'unscored';
  return isFlaggedScan(rule, scan) ? 'suspected' : 'unflagged';
}

function isFlaggedScan(rule: ThresholdRule, scan: ReadScan): boolean {
  const threshold = thresholdFor(rule, scan.sourceAeTitle);
  return threshold !== null && scan.score !== null && scan.score >= threshold;
}
