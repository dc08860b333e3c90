import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { compareQueues } from '../../../src/thresholds/queueComparison.ts';
import type { ReadScan } from '../../../src/thresholds/queueReplay.ts';
import { times } from './scans.ts';

const MINUTE_MS = 60_000;
const rule = (site: number | null) => ({ site, bySource: {} });

/** Ten days; on each, four scans come together and are read ten minutes apart; the last is a fracture with a score of 0.6. */
const site: ReadScan[] = times(10, (day) =>
  times(4, (place): ReadScan => {
    const arrivedAtMs = day * 1_440 * MINUTE_MS + place;
    return {
      studyInstanceUid: `1.2.${day}.${place + 1}`,
      sourceAeTitle: 'CT1',
      arrivedAtMs,
      scoredAtMs: arrivedAtMs,
      score: place === 3 ? 0.6 : 0.2,
      stat: false,
      readAtMs: arrivedAtMs + (place + 1) * 10 * MINUTE_MS - place,
      fracture: place === 3,
      localDay: `day ${day}`,
    };
  }),
).flat();

describe('queue, now against proposed', () => {
  it('shows what a fracture wins and what the others pay for it', () => {
    const { now, proposed, scans, days } = compareQueues(
      site,
      { now: rule(0.7), proposed: rule(0.5) },
      60 * MINUTE_MS,
      seededRandom('days').next,
    );
    expect([scans, days]).toEqual([40, 10]);
    expect(now.lostFractures.scans).toBe(0);
    expect(now.gainedFractures.scans).toBe(10);
    expect(now.gainedFractures.meanMs!.value / MINUTE_MS).toBeCloseTo(40, 3);
    expect(proposed.gainedFractures.scans).toBe(10);
    expect(proposed.gainedFractures.meanMs!.value / MINUTE_MS).toBeCloseTo(10, 3);
    expect(now.others.meanMs!.value / MINUTE_MS).toBeCloseTo(20, 3);
    expect(proposed.others.meanMs!.value / MINUTE_MS).toBeCloseTo(30, 3);
    expect(proposed.others.maxMs! / MINUTE_MS).toBeCloseTo(40, 3);
  });

  it('gives mean, 95th percentile and maximum of the waits, by hand', () => {
    // One at a time: each is read before the next one comes. 20 without a fracture wait 1 to 20 minutes, one fracture waits 40.
    const waits = [...times(20, (index) => ((7 * index) % 20) + 1), 40];
    const scans = waits.map((minutes, index): ReadScan => {
      const arrivedAtMs = index * 100 * MINUTE_MS;
      return {
        ...site[0]!,
        studyInstanceUid: `1.2.${index}`,
        arrivedAtMs,
        readAtMs: arrivedAtMs + minutes * MINUTE_MS,
        fracture: minutes === 40,
        localDay: 'one day',
      };
    });
    const { now } = compareQueues(scans, { now: rule(0.5), proposed: rule(0.5) }, 60 * MINUTE_MS, () => 0.5);
    const always = (ms: number) => ({ value: ms, low: ms, high: ms });
    expect(now.others).toEqual({
      scans: 20,
      meanMs: always(10.5 * MINUTE_MS),
      p95Ms: always(19 * MINUTE_MS),
      maxMs: 20 * MINUTE_MS,
    });
    expect(now.fractures).toMatchObject({ scans: 1, meanMs: always(40 * MINUTE_MS), maxMs: 40 * MINUTE_MS });
    expect(now.lostFractures).toEqual({ scans: 0, meanMs: null, p95Ms: null, maxMs: null });
  });

  it('compares the same scans, so that no group improves by losing its worst', () => {
    // Half of the fractures are flagged under both rules; the others only under the one in force, and wait 40 instead of 10 minutes without it.
    const mixed = site.map((scan, index) => (scan.fracture === true && index % 8 < 4 ? { ...scan, score: 0.9 } : scan));
    const { now, proposed } = compareQueues(
      mixed,
      { now: rule(0.5), proposed: rule(0.7) },
      60 * MINUTE_MS,
      seededRandom('days').next,
    );
    for (const group of ['fractures', 'lostFractures', 'gainedFractures', 'others'] as const)
      expect(proposed[group].scans, group).toBe(now[group].scans);
    expect([now.lostFractures.scans, now.gainedFractures.scans, now.fractures.scans]).toEqual([5, 0, 10]);
    expect(now.lostFractures.meanMs!.value / MINUTE_MS).toBeCloseTo(10, 3);
    expect(proposed.lostFractures.meanMs!.value / MINUTE_MS).toBeCloseTo(40, 3);
    expect(now.fractures.meanMs!.value / MINUTE_MS).toBeCloseTo(10, 3);
    expect(proposed.fractures.meanMs!.value / MINUTE_MS).toBeCloseTo((10 + 40) / 2, 3);
  });

  it('draws days, so that days that are alike leave no spread and days that differ do', () => {
    const alike = compareQueues(
      site,
      { now: rule(0.7), proposed: rule(0.5) },
      60 * MINUTE_MS,
      seededRandom('days').next,
    );
    expect(alike.now.others.meanMs!.high - alike.now.others.meanMs!.low).toBeLessThan(1);
    const uneven = site.map((scan, index) =>
      index < 8 ? { ...scan, readAtMs: scan.readAtMs + 90 * MINUTE_MS } : scan,
    );
    const { others } = compareQueues(
      uneven,
      { now: rule(0.7), proposed: rule(0.5) },
      60 * MINUTE_MS,
      seededRandom('days').next,
    ).now;
    expect(others.meanMs!.low).toBeLessThan(others.meanMs!.value);
    expect(others.meanMs!.high).toBeGreaterThan(others.meanMs!.value);
    expect(others.p95Ms!.high).toBeGreaterThan(others.p95Ms!.low);
    // The same seed gives the same interval: a figure on the screen does not flicker.
    expect(
      compareQueues(uneven, { now: rule(0.7), proposed: rule(0.5) }, 60 * MINUTE_MS, seededRandom('days').next).now
        .others,
    ).toEqual(others);
  });
});
