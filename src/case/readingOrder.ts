import type { Decision } from './decision.ts';

/** What the network has said about a scan so far. `unscored`: nothing yet, or it could not be analysed. */
export type Judgement = 'suspected' | 'unflagged' | 'unscored';

/** The judgement of a case. A held case keeps its suspicion: doubt about the patient is no reason to look later. */
export function judgementOf({ decision, held }: { decision: Decision | null; held: boolean }): Judgement {
  if (decision === 'suspected') return 'suspected';
  return decision === 'not-suspected' && !held ? 'unflagged' : 'unscored';
}

/** Groups of unread scans. `flag`: suspected, past the wait cap or not. `overdue`: past the cap and not flagged. */
type ReadingGroup = 'stat' | 'flag' | 'overdue' | 'unscored' | 'rest';
const GROUPS: readonly ReadingGroup[] = ['stat', 'flag', 'overdue', 'unscored', 'rest'];

/** What determines the place of an unread scan. */
export interface ReadingPlace {
  group: ReadingGroup;
  /** Has waited at least as long as the cap. */
  pastCap: boolean;
  /** 0..1, or null when not scored. */
  probability: number | null;
  arrivedAtMs: number;
  studyInstanceUid: string;
}

/** The facts of an unread scan that determine its place. */
export interface WaitingScan {
  studyInstanceUid: string;
  /** Clinically urgent, whoever says so. */
  stat: boolean;
  arrivedAtMs: number;
  judgement: Judgement;
  /** 0..1, or null when not scored. */
  probability: number | null;
}

/** The place of an unread scan at `nowMs`, with the wait cap `maxWaitMs`. */
export function readingPlace(scan: WaitingScan, nowMs: number, maxWaitMs: number): ReadingPlace {
  const { studyInstanceUid, arrivedAtMs, probability } = scan;
  const pastCap = nowMs - arrivedAtMs >= maxWaitMs;
  return { group: groupOf(scan, pastCap), pastCap, probability, arrivedAtMs, studyInstanceUid };
}

function groupOf({ stat, judgement }: WaitingScan, pastCap: boolean): ReadingGroup {
  if (stat) return 'stat';
  if (judgement === 'suspected') return 'flag';
  if (pastCap) return 'overdue';
  return judgement === 'unflagged' ? 'rest' : 'unscored';
}

/**
 * Less than 0 when `a` is read before `b`, apart from the places given to the longest waiting (`readingOrder`): by group; among flags those past the cap by
 * arrival, then the others by probability; otherwise by arrival. A total order.
 */
export function compareReadingPlaces(a: ReadingPlace, b: ReadingPlace): number {
  const byFlag =
    a.group !== 'flag' || b.group !== 'flag' || (a.pastCap && b.pastCap)
      ? 0
      : a.pastCap === b.pastCap
        ? (b.probability ?? 0) - (a.probability ?? 0)
        : a.pastCap
          ? -1
          : 1;
  return (
    GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) ||
    byFlag ||
    a.arrivedAtMs - b.arrivedAtMs ||
    (a.studyInstanceUid < b.studyInstanceUid ? -1 : 1)
  );
}

/** How flags and the longest waiting scans share the places. */
export interface ReadingTurns {
  /** While flags wait, every `everyKth` place goes to the scan that has waited longest past the cap. At least 2. */
  everyKth: number;
  /** Number of flags read last in a row without an unflagged scan between them; STAT scans do not count. */
  flagsInARow: number;
}

/** Whether the next place goes to the longest waiting scan past the cap instead of a flag, when both wait. */
export function isTurnOfLongestWaiting({ everyKth, flagsInARow }: ReadingTurns): boolean {
  return flagsInARow >= everyKth - 1;
}

/**
 * The reading order: clinically urgent first. Then flags, and among them every k-th place for the scan that has waited longest past the cap. Then the others
 * past the cap, the scans without a score (never below an unflagged scan), and the rest, each group by arrival.
 *
 * So of `n` scans read before a flag that stood ahead of it or came later with more suspicion, at most `n / k + 1` were not flagged; and while somebody
 * reads from the top, a scan past the cap with `q` such scans ahead of it is read within `(q + 1) * k` scans, STAT aside, however many flags come. A flag
 * alone, without a cap, raised the longest waits (PMC8128725); a cap that stands above flags buries them whenever there is a backlog.
 */
export function readingOrder<T extends ReadingPlace>(places: readonly T[], turns: ReadingTurns): T[] {
  const sorted = [...places].sort(compareReadingPlaces);
  const startOf = (group: ReadingGroup) => {
    const start = sorted.findIndex((place) => GROUPS.indexOf(place.group) >= GROUPS.indexOf(group));
    return start === -1 ? sorted.length : start;
  };
  const flagsAt = startOf('flag');
  const overdueAt = startOf('overdue');
  const othersAt = startOf('unscored');
  const order = sorted.slice(0, flagsAt);
  let { flagsInARow } = turns;
  let overdue = overdueAt;
  for (let flag = flagsAt; flag < overdueAt; flag += 1) {
    if (overdue < othersAt && isTurnOfLongestWaiting({ ...turns, flagsInARow })) {
      order.push(sorted[overdue]!);
      overdue += 1;
      flagsInARow = 0;
    }
    order.push(sorted[flag]!);
    flagsInARow += 1;
  }
  return [...order, ...sorted.slice(overdue)];
}

/** With fewer arrivals than this, the share of flagged scans is unknown. */
const LEAST_ARRIVALS = 100;
const USUAL_TURN = 5;
const SHORTEST_TURN = 3;
const LONGEST_TURN = 10;

/**
 * Which place goes to the longest waiting, from the site's own arrivals: if one scan in n is flagged, every n-th, limited to 3 to 10. The rarer flags are,
 * the less they may be delayed, and the less they can delay others.
 */
export function turnFromArrivals(arrivals: number, flagged: number): number {
  if (arrivals < LEAST_ARRIVALS) return USUAL_TURN;
  if (flagged === 0) return LONGEST_TURN;
  return Math.min(LONGEST_TURN, Math.max(SHORTEST_TURN, Math.round(arrivals / flagged)));
}
