/** What the network has said of a scan by now. `unscored`: nothing yet, or it could not be analysed. */
export type Judgement = 'suspected' | 'unflagged' | 'unscored';

/** Groups of the reading list, in its order. */
export type ReadingTier = 'stat' | 'overdue' | 'suspected' | 'unscored' | 'rest';
const TIERS: readonly ReadingTier[] = ['stat', 'overdue', 'suspected', 'unscored', 'rest'];

/** What the place of an unread scan rests on. */
export interface ReadingPlace {
  tier: ReadingTier;
  /** 0..1, or null when not scored. */
  probability: number | null;
  arrivedAtMs: number;
  studyInstanceUid: string;
}

/** The group of an unread scan at `nowMs`: clinically urgent, past the wait cap `maxWaitMs`, suspected, without a score, or the rest. */
export function readingTier(
  scan: { stat: boolean; arrivedAtMs: number; judgement: Judgement },
  nowMs: number,
  maxWaitMs: number,
): ReadingTier {
  if (scan.stat) return 'stat';
  if (nowMs - scan.arrivedAtMs >= maxWaitMs) return 'overdue';
  if (scan.judgement === 'suspected') return 'suspected';
  return scan.judgement === 'unflagged' ? 'rest' : 'unscored';
}

/** Less than 0 when `a` is read before `b`: by group, suspected scans by probability, otherwise by arrival. A total order. */
export function compareReadingPlaces(a: ReadingPlace, b: ReadingPlace): number {
  return (
    TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier) ||
    (a.tier === 'suspected' ? (b.probability ?? 0) - (a.probability ?? 0) : 0) ||
    a.arrivedAtMs - b.arrivedAtMs ||
    (a.studyInstanceUid < b.studyInstanceUid ? -1 : 1)
  );
}
