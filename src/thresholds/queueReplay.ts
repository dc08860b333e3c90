import { compareReadingPlaces, isTurnOfLongestWaiting, readingPlace, turnFromArrivals } from '../case/readingOrder.ts';
import type { Judgement, ReadingPlace, ReadingTurns } from '../case/readingOrder.ts';
import { isFlagged, thresholdFor } from './scoredScan.ts';
import type { ThresholdRule } from '../answers/thresholdAnswers.ts';

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
  /** `YYYY-MM-DD` of the arrival in the site's local time. */
  localDay: string;
}

export interface ReplayedRead {
  scan: ReadScan;
  readAtMs: number;
  waitMs: number;
  /** Whether the replayed rule flags it, regardless of when the score came. */
  flagged: boolean;
}

/** Which place goes to the longest waiting under a rule, calculated from the share of the site's arrivals that it flags. */
export function turnUnder(scans: readonly ReadScan[], rule: ThresholdRule): number {
  return turnFromArrivals(scans.length, scans.filter((scan) => isFlaggedScan(rule, scan)).length);
}

/**
 * Replays the reading of the site's scans under another rule, with the wait cap on and every k-th place for the longest waiting (`turnUnder`). Every moment at
 * which a reader really finished a scan is one turn, and each turn goes to the scan that is first on the list at that moment. So the readers' working hours and
 * pace are the site's own and only the order changes: every scan is read exactly once, at a real reading time, after it arrived. docs/adr/0017 explains why it
 * uses turns and not service times.
 *
 * @returns in the order of reading
 */
export function replayQueue(scans: readonly ReadScan[], rule: ThresholdRule, maxWaitMs: number): ReplayedRead[] {
  const arrivals = [...scans].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  // If a clock was set back, a read can be earlier than its arrival; the turn is then moved to the arrival.
  const moments = scans.map((scan) => Math.max(scan.readAtMs, scan.arrivedAtMs)).sort((a, b) => a - b);
  const turns: ReadingTurns = { everyKth: turnUnder(scans, rule), flagsInARow: 0 };
  const waiting: ReadScan[] = [];
  const reads: ReplayedRead[] = [];
  let next = 0;
  for (const turnMs of moments) {
    for (let scan = arrivals[next]; scan !== undefined && scan.arrivedAtMs <= turnMs; scan = arrivals[++next])
      waiting.push(scan);
    const { index, group } = firstOf(waiting, rule, turnMs, maxWaitMs, turns);
    // By every turn at least as many scans have arrived as there were turns so far, so a scan is always waiting.
    const scan = waiting.splice(index, 1)[0]!;
    if (group !== 'stat') turns.flagsInARow = group === 'flag' ? turns.flagsInARow + 1 : 0;
    reads.push({ scan, readAtMs: turnMs, waitMs: turnMs - scan.arrivedAtMs, flagged: isFlaggedScan(rule, scan) });
  }
  return reads;
}

interface Candidate {
  index: number;
  group: ReadingPlace['group'];
  place: ReadingPlace;
}

/** The first in the order of `readingOrder`, without sorting the rest. */
function firstOf(
  waiting: readonly ReadScan[],
  rule: ThresholdRule,
  nowMs: number,
  maxWaitMs: number,
  turns: ReadingTurns,
): Candidate {
  let first: Candidate | null = null;
  let longest: Candidate | null = null;
  for (const [index, scan] of waiting.entries()) {
    const place = placeOf(scan, rule, nowMs, maxWaitMs);
    const candidate = { index, group: place.group, place };
    if (first === null || compareReadingPlaces(place, first.place) < 0) first = candidate;
    if (place.group === 'overdue' && (longest === null || compareReadingPlaces(place, longest.place) < 0))
      longest = candidate;
  }
  return first?.group === 'flag' && longest !== null && isTurnOfLongestWaiting(turns) ? longest : first!;
}

function placeOf(scan: ReadScan, rule: ThresholdRule, nowMs: number, maxWaitMs: number): ReadingPlace {
  return readingPlace(
    { ...scan, judgement: judgementOf(scan, rule, nowMs), probability: scan.score },
    nowMs,
    maxWaitMs,
  );
}

function judgementOf(scan: ReadScan, rule: ThresholdRule, nowMs: number): Judgement {
  if (scan.score === null || scan.scoredAtMs === null || scan.scoredAtMs > nowMs) return 'unscored';
  // Without a threshold nothing is analysed: every scan waits like one without a score.
  if (thresholdFor(rule, scan.sourceAeTitle) === null) return 'unscored';
  return isFlaggedScan(rule, scan) ? 'suspected' : 'unflagged';
}

function isFlaggedScan(rule: ThresholdRule, { score, sourceAeTitle }: ReadScan): boolean {
  return score !== null && isFlagged(rule, { score, sourceAeTitle });
}
