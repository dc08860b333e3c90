import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { modelUse } from '../../../src/models/modelUse.ts';
import type { UsedScan } from '../../../src/worklist/models/usedScans.ts';

const WEEK_MS = 7 * 86_400_000;
/** A Wednesday. */
const FIRST_MS = new Date(2026, 0, 7, 12).getTime();
const scan = (week: number, more: Partial<UsedScan> = {}): UsedScan => ({
  arrivedAtMs: FIRST_MS + week * WEEK_MS,
  scanner: 'Aero CT 1',
  decision: 'not-suspected',
  probability: 0.1,
  fracture: null,
  ...more,
});

/** Weeks of scans of which one share is not analysed and another flagged. */
function weeksOf(
  count: number,
  shares: (week: number) => { refused: number; flagged: number },
  random: () => number,
  scansAWeek = 60,
): UsedScan[] {
  return Array.from({ length: count }, (_, week) =>
    Array.from({ length: scansAWeek }, () => {
      const { refused, flagged } = shares(week);
      if (random() < refused) return scan(week, { decision: 'not-analysed', probability: null });
      return random() < flagged ? scan(week, { decision: 'suspected', probability: 0.9 }) : scan(week);
    }),
  ).flat();
}
const driftAfter = (weeks: number, scans: readonly UsedScan[]) =>
  modelUse(scans, null, FIRST_MS + weeks * WEEK_MS).drift.map(({ share }) => share);

describe('modelUse', () => {
  it('counts by week from Monday and by scanner: shares, quartiles, agreement with confirmed truth', () => {
    const { weeks } = modelUse(
      [
        scan(1, { probability: 0.3, fracture: true }),
        scan(0, { decision: 'suspected', probability: 0.9, fracture: true }),
        scan(0, { decision: 'suspected', probability: 0.8, fracture: false, scanner: 'Beam 2' }),
        scan(0, { probability: 0.2, fracture: false }),
        scan(0, { decision: 'not-analysed', probability: null, fracture: true, scanner: '' }),
      ],
      null,
      FIRST_MS,
    );
    const none = { notAnalysed: 0, flagged: 0, agreeing: 0, confirmed: 0 };
    const one = (score: number) => ({ lower: score, median: score, upper: score });
    expect(weeks[0]).toEqual({
      startsAtMs: new Date(2026, 0, 5).getTime(),
      scans: 4,
      notAnalysed: 1,
      flagged: 2,
      scores: { lower: 0.5, median: 0.8, upper: expect.closeTo(0.85, 9) as number },
      agreeing: 2,
      confirmed: 3,
      byScanner: [
        { ...none, scanner: '', scans: 1, notAnalysed: 1, scores: null },
        {
          scanner: 'Aero CT 1',
          scans: 2,
          notAnalysed: 0,
          flagged: 1,
          scores: {
            lower: expect.closeTo(0.375, 9) as number,
            median: 0.55,
            upper: expect.closeTo(0.725, 9) as number,
          },
          agreeing: 2,
          confirmed: 2,
        },
        { ...none, scanner: 'Beam 2', scans: 1, flagged: 1, scores: one(0.8), confirmed: 1 },
      ],
    });
    expect(weeks[1]).toMatchObject({ startsAtMs: new Date(2026, 0, 12).getTime(), agreeing: 0, confirmed: 1 });
  });

  it('compares the last four whole weeks with the first four, and no week that is not over', () => {
    const isRecent = (week: number) => week >= 4;
    const random = seededRandom('drift');
    const scans = weeksOf(
      8,
      (week) => ({ refused: 0, flagged: isRecent(week) ? 0.5 : 0.1 }),
      () => random.next(),
    );
    expect(driftAfter(8, scans)).toEqual(['flagged']);
    expect(modelUse(scans, null, FIRST_MS + 8 * WEEK_MS).drift[0]!.reference.of).toBe(240);
    // In its eighth week it is not over.
    expect(driftAfter(7, scans)).toEqual([]);
  });

  it('raises a false alarm in less than one week of a thousand, and finds a share that doubled four weeks ago seven times of ten', () => {
    const random = seededRandom('false-alarms');
    let [alarms, watched, found] = [0, 0, 0];
    const sites = 150;
    for (let site = 0; site < sites; site++) {
      const steady = weeksOf(
        28,
        () => ({ refused: 0.06, flagged: 0.18 }),
        () => random.next(),
      );
      for (let week = 8; week <= 28; week++) {
        watched++;
        const until = FIRST_MS + week * WEEK_MS - WEEK_MS / 2;
        if (
          driftAfter(
            week,
            steady.filter(({ arrivedAtMs }) => arrivedAtMs < until),
          ).length > 0
        )
          alarms++;
      }
      const drifting = weeksOf(
        8,
        (week) => ({ refused: 0.06, flagged: week < 4 ? 0.18 : 0.36 }),
        () => random.next(),
      );
      if (driftAfter(8, drifting).includes('flagged')) found++;
    }
    expect(watched).toBe(sites * 21);
    expect(alarms / watched).toBeLessThan(0.001);
    expect(found / sites).toBeGreaterThan(0.7);
  });
});
