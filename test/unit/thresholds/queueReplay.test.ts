import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replayQueue, turnUnder } from '../../../src/thresholds/queueReplay.ts';
import type { ReadScan } from '../../../src/thresholds/queueReplay.ts';

const MINUTE_MS = 60_000;
const MAX_WAIT_MS = 60 * MINUTE_MS;
const rule = (site: number | null) => ({ site, bySource: {} });

interface Wishes {
  arrivedMinute: number;
  readAfterMinutes: number;
  scoredAfterMinutes?: number | null;
  score?: number | null;
  stat?: boolean;
  fracture?: boolean | null;
}
const scansOf = (all: readonly Wishes[]): ReadScan[] =>
  all.map((wish, index) => ({
    studyInstanceUid: `1.2.${index + 1}`,
    sourceAeTitle: 'CT1',
    arrivedAtMs: wish.arrivedMinute * MINUTE_MS,
    scoredAtMs:
      wish.scoredAfterMinutes === null ? null : (wish.arrivedMinute + (wish.scoredAfterMinutes ?? 0)) * MINUTE_MS,
    // What never was scored has no score.
    score: wish.scoredAfterMinutes === null ? null : wish.score === undefined ? 0.1 : wish.score,
    stat: wish.stat ?? false,
    readAtMs: (wish.arrivedMinute + wish.readAfterMinutes) * MINUTE_MS,
    fracture: wish.fracture ?? null,
    localDay: '2026-11-02',
  }));

const wish = fc.record({
  arrivedMinute: fc.nat(600),
  readAfterMinutes: fc.nat(180),
  scoredAfterMinutes: fc.option(fc.nat(30)),
  score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  stat: fc.boolean(),
});
const site = fc.array(wish, { maxLength: 60 }).map(scansOf);
const threshold = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));

describe('replay of the reading queue', () => {
  it('reads every scan once, after it arrived, at the moments when the readers really read', () => {
    fc.assert(
      fc.property(site, threshold, (scans, value) => {
        const reads = replayQueue(scans, rule(value), MAX_WAIT_MS);
        expect(reads.map(({ scan }) => scan.studyInstanceUid).sort()).toEqual(
          scans.map((scan) => scan.studyInstanceUid).sort(),
        );
        expect(reads.map(({ readAtMs }) => readAtMs)).toEqual(scans.map((scan) => scan.readAtMs).sort((a, b) => a - b));
        for (const read of reads) expect(read.waitMs).toBeGreaterThanOrEqual(0);
        // Only the order changes: what all wait together is the same under every rule.
        const total = (waits: readonly number[]) => waits.reduce((sum, wait) => sum + wait, 0);
        expect(total(reads.map(({ waitMs }) => waitMs))).toBe(
          total(scans.map((scan) => scan.readAtMs - scan.arrivedAtMs)),
        );
      }),
    );
  });

  it('gives a scan past the cap its turn within k turns for itself and for each that waits longer, STAT aside', () => {
    fc.assert(
      fc.property(site, threshold, (scans, value) => {
        const k = turnUnder(scans, rule(value));
        const reads = replayQueue(scans, rule(value), MAX_WAIT_MS).filter(({ scan }) => !scan.stat);
        for (const [index, late] of reads.entries()) {
          if (late.waitMs <= MAX_WAIT_MS || late.flagged) continue;
          const since = reads
            .slice(0, index + 1)
            .filter(({ readAtMs }) => readAtMs >= late.scan.arrivedAtMs + MAX_WAIT_MS);
          // Some flag may have had no score yet when it was read: then it was one of those that waited.
          const others = since.filter(({ flagged, scan, readAtMs }) => !flagged || scan.scoredAtMs! > readAtMs);
          expect(since.length).toBeLessThanOrEqual(k * others.length);
          for (const { scan } of others) expect(scan.arrivedAtMs).toBeLessThanOrEqual(late.scan.arrivedAtMs);
        }
      }),
    );
  });

  it('has flags before a backlog, and every fifth turn for the longest waiting', () => {
    // 12 scans past the cap when ten flags come, all to be read minute by minute.
    const scans = scansOf([
      ...Array.from({ length: 12 }, (_, index) => ({ arrivedMinute: index, readAfterMinutes: 200, score: 0.1 })),
      ...Array.from({ length: 10 }, (_, index) => ({ arrivedMinute: 190, readAfterMinutes: 10 + index, score: 0.9 })),
    ]);
    expect(turnUnder(scans, rule(0.5))).toBe(5);
    const kinds = replayQueue(scans, rule(0.5), MAX_WAIT_MS).map(({ flagged }) => (flagged ? 'F' : 'o'));
    expect(kinds.join('')).toBe('FFFFoFFFFoFFoooooooooo');
  });

  it('reads those that wait together in the order of the list', () => {
    // All come within seven minutes, and are read from minute 10 on.
    const scans = scansOf([
      { arrivedMinute: 0, readAfterMinutes: 10, score: 0.49 },
      { arrivedMinute: 1, readAfterMinutes: 10, score: 0.6 },
      { arrivedMinute: 2, readAfterMinutes: 10, score: 0.9 },
      { arrivedMinute: 3, readAfterMinutes: 10, score: 0.5 },
      { arrivedMinute: 4, readAfterMinutes: 10, scoredAfterMinutes: null },
      { arrivedMinute: 5, readAfterMinutes: 10, score: null },
      { arrivedMinute: 6, readAfterMinutes: 10, score: 0.1, stat: true },
    ]).map((scan, index) => (index === 4 ? { ...scan, score: 0.7 } : scan));
    // STAT; flags by suspicion; without a score, or without a time at which it was known; the rest.
    expect(replayQueue(scans, rule(0.5), MAX_WAIT_MS).map(({ scan }) => scan.studyInstanceUid.slice(4))).toEqual([
      '7',
      '3',
      '2',
      '4',
      '5',
      '6',
      '1',
    ]);
  });

  it('holds the cap for everybody where a turn follows each arrival before the next one', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ gap: fc.integer({ min: 1, max: 50 }), score: fc.double({ min: 0, max: 1, noNaN: true }) }),
          { maxLength: 40 },
        ),
        threshold,
        (steps, value) => {
          let minute = 0;
          const scans = scansOf(
            steps.map(({ gap, score }) => ({ arrivedMinute: (minute += gap), readAfterMinutes: 0, score })),
          );
          for (const { waitMs } of replayQueue(scans, rule(value), MAX_WAIT_MS))
            expect(waitMs).toBeLessThanOrEqual(MAX_WAIT_MS);
        },
      ),
    );
  });

  it('is first come, first read where nothing is flagged', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.record({ arrivedMinute: fc.nat(600), readAfterMinutes: fc.nat(180) }), { maxLength: 60 })
          .map(scansOf),
        (scans) => {
          const order = replayQueue(scans, rule(0.5), MAX_WAIT_MS).map(({ scan }) => scan.arrivedAtMs);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        },
      ),
    );
  });

  it('reads a flagged scan before those that came earlier, and not before its score is known', () => {
    const scans = scansOf([
      { arrivedMinute: 0, readAfterMinutes: 10, score: 0.1 },
      { arrivedMinute: 1, readAfterMinutes: 19, score: 0.2 },
      { arrivedMinute: 2, readAfterMinutes: 28, score: 0.9, scoredAfterMinutes: 10, fracture: true },
    ]);
    const minutes = (value: number | null) =>
      Object.fromEntries(
        replayQueue(scans, rule(value), MAX_WAIT_MS).map(({ scan, waitMs }) => [
          scan.studyInstanceUid,
          waitMs / MINUTE_MS,
        ]),
      );
    // At minute 10 the third has no score yet: it stands above unflagged scans, for nobody has looked at it.
    expect(minutes(0.5)).toEqual({ '1.2.3': 8, '1.2.1': 20, '1.2.2': 29 });
    expect(minutes(null)).toEqual({ '1.2.1': 10, '1.2.2': 19, '1.2.3': 28 });
  });

  it('uses the threshold of the source', () => {
    const [first, second] = scansOf([
      { arrivedMinute: 0, readAfterMinutes: 10, score: 0.4 },
      { arrivedMinute: 1, readAfterMinutes: 19, score: 0.4 },
    ]);
    const reads = replayQueue(
      [first!, { ...second!, sourceAeTitle: 'CT2' }],
      { site: 0.5, bySource: { CT2: 0.3 } },
      MAX_WAIT_MS,
    );
    expect(reads.map(({ scan, flagged }) => [scan.sourceAeTitle, flagged])).toEqual([
      ['CT2', true],
      ['CT1', false],
    ]);
  });
});
