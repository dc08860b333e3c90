import type { ScoredScan } from '../../../src/thresholds/scoredScan.ts';

export interface ScanWishes {
  score: number;
  fracture?: boolean | null;
  source?: string;
  scanner?: string;
  /** Days after 2 November 2026. */
  day?: number;
  hour?: number;
  /** Flagged when it arrived; by its score of 0.5 and more where nothing is said. */
  wasFlagged?: boolean;
  /** A patient of its own for each scan where nothing is said. */
  patient?: number;
}

const FIRST_MS = Date.UTC(2026, 10, 2);

/** Scans of a site on UTC. */
export function scansOf(wishes: readonly ScanWishes[]): ScoredScan[] {
  return wishes.map(
    ({ score, fracture = null, source = 'CT1', scanner = 'Works X', day = 0, hour = 8, ...wish }, index) => {
      const arrivedAtMs = FIRST_MS + day * 86_400_000 + hour * 3_600_000 + index;
      return {
        studyInstanceUid: `1.2.${index + 1}`,
        score,
        fracture,
        wasFlagged: wish.wasFlagged ?? score >= 0.5,
        patient: wish.patient ?? index,
        sourceAeTitle: source,
        scanner,
        arrivedAtMs,
        localDay: new Date(arrivedAtMs).toISOString().slice(0, 10),
        localHour: hour,
      };
    },
  );
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
