import { describe, expect, it } from 'vitest';
import aucIntervals from './aucIntervals.json' with { type: 'json' };
import { seededRandom } from '../../../src/base/random.ts';
import {
  bootstrapIntervals,
  clusteredProportion,
  delongInterval,
  meanAndDeviation,
  wilsonInterval,
} from '../../../src/statistics/intervals.ts';
import { rank, rocAuc } from '../../../src/statistics/metrics.ts';

describe('intervals', () => {
  it('are Wilson’s for proportions, with the ends that belong to them', () => {
    // Newcombe 1998, table I: 81 of 263 and 15 of 148; 0 of 20 and 29 of 29.
    const cases: [number, number, number, number][] = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
      [29, 29, 0.883, 1],
    ];
    for (const [hits, trials, low, high] of cases) {
      const interval = wilsonInterval(hits, trials)!;
      expect(interval.low).toBeCloseTo(low, 4);
      expect(interval.high).toBeCloseTo(high, 4);
    }
    expect(wilsonInterval(0, 0)).toBeNull();
  });

  it('give a perfect order a bound that few cases leave wide', () => {
    const ranked = (n: number) => Array.from({ length: 2 * n }, (_, i) => ({ label: i < n, score: -i }));
    expect(delongInterval(ranked(5))!.high).toBe(1);
    expect(delongInterval(ranked(5))!.low).toBeLessThan(0.6);
    expect(delongInterval(ranked(200))!.low).toBeGreaterThan(0.97);
    expect(delongInterval(ranked(1))).toBeNull();
    const of = (positives: number, negatives: number) =>
      delongInterval(
        Array.from({ length: positives + negatives }, (_, i) => ({ label: i < positives, score: (i * 5) % 7 })),
      );
    expect([of(1, 3), of(3, 1)]).toEqual([null, null]);
    expect([of(2, 3), of(3, 2)]).not.toContain(null);
  });

  // Pairs counted and variances summed as fractions, from DeLong's definition; the first low is 12 / (12 + z²), Wilson's by hand.
  it.each(aucIntervals)('of an area are those of training: $name', ({ positives, negatives, ...expected }) => {
    const samples = [
      ...positives.map((score) => ({ label: true, score })),
      ...negatives.map((score) => ({ label: false, score })),
    ];
    const interval = delongInterval(samples)!;
    expect(interval.value).toBeCloseTo(expected.value, 8);
    expect(interval.low).toBeCloseTo(expected.low, 8);
    expect(interval.high).toBeCloseTo(expected.high, 8);
  });

  it('of the bootstrap lie between neighbours as NumPy’s percentiles do', () => {
    // The figure of the whole sample, then those of five draws.
    const figures = [50, 40, 160, 10, 80, 20];
    let call = 0;
    const { figure } = bootstrapIntervals(3, () => ({ figure: figures[call++]! }), { replicates: 5, random: () => 0 });
    // numpy.percentile([10, 20, 40, 80, 160], [2.5, 97.5])
    expect(figure).toEqual({ value: 50, low: expect.closeTo(11, 12), high: expect.closeTo(152, 12) });
  });

  it('cover the truth about as often as they say: DeLong and the bootstrap', () => {
    const random = seededRandom('coverage');
    // Positives one standard deviation above: the true area is Phi(1 / sqrt 2).
    const truth = 0.76024993890652;
    let delong = 0;
    let bootstrap = 0;
    const studies = 200;
    for (let study = 0; study < studies; study++) {
      const samples = Array.from({ length: 80 }, (_, i) => ({
        label: i % 2 === 0,
        score: random.normal(i % 2 === 0 ? 1 : 0, 1),
      }));
      const interval = delongInterval(samples)!;
      if (interval.low <= truth && truth <= interval.high) delong++;
      const ranking = rank(samples);
      const { auc } = bootstrapIntervals(samples.length, (weights) => ({ auc: rocAuc(ranking, weights) }), {
        replicates: 200,
        random: () => random.next(),
      });
      if (auc!.low <= truth && truth <= auc!.high) bootstrap++;
    }
    expect(delong / studies).toBeGreaterThan(0.91);
    expect(bootstrap / studies).toBeGreaterThan(0.88);
    expect(delong).toBeLessThan(studies);
  });

  it('are wider when images come in cases than if each stood alone', () => {
    const random = seededRandom('clusters');
    const images: boolean[] = Array.from({ length: 30 }, () => random.chance(0.5)).flatMap((hit) =>
      Array.from({ length: 20 }, () => hit),
    );
    const share = (weights: (i: number) => number) => {
      let hits = 0;
      let all = 0;
      for (const [i, hit] of images.entries()) {
        all += weights(i);
        if (hit) hits += weights(i);
      }
      return { share: hits / all };
    };
    const options = { replicates: 500, random: () => random.next() };
    const byCase = bootstrapIntervals(30, (drawn) => share((i) => drawn[Math.floor(i / 20)]!), options).share!;
    const byImage = bootstrapIntervals(600, (drawn) => share((i) => drawn[i]!), options).share!;
    expect(byCase.high - byCase.low).toBeGreaterThan(3 * (byImage.high - byImage.low));
  });

  it('count the scans of one patient for what they are worth', () => {
    const outcomes = (...patients: readonly (readonly boolean[])[]) =>
      patients.flatMap((scans, patient) => scans.map((isHit) => ({ isHit, cluster: String(patient) })));
    // By hand: residuals 1, -1, 1/2, -1/2; variance 4/3 · 2.5 / 36; worth 0.25 / 0.0925926 = 2.7 scans.
    const some = clusteredProportion(outcomes([true, true], [false, false], [true], [false]))!;
    expect(some).toEqual(wilsonInterval(1.35, 2.7));
    expect(clusteredProportion(outcomes([true], [false], [true]))).toEqual(wilsonInterval(2, 3));
    expect(clusteredProportion(outcomes([true, true, true], [true, true]))).toEqual(wilsonInterval(2, 2));
    // One patient's two scans differ by chance: never worth more than they are.
    expect(clusteredProportion(outcomes([true, false], [true, false]))).toEqual(wilsonInterval(2, 4));
    expect(clusteredProportion([])).toBeNull();

    const random = seededRandom('clustered');
    let [covered, asIfAlone] = [0, 0];
    for (let study = 0; study < 300; study++) {
      const patients = Array.from({ length: 40 }, () => new Array<boolean>(3).fill(random.chance(0.8)));
      const holds = ({ low, high }: { low: number; high: number }) => (low <= 0.8 && 0.8 <= high ? 1 : 0);
      covered += holds(clusteredProportion(outcomes(...patients))!);
      asIfAlone += holds(wilsonInterval(patients.flat().filter(Boolean).length, 120)!);
    }
    expect(covered / 300).toBeGreaterThan(0.92);
    expect(asIfAlone / 300).toBeLessThan(0.8);
  });

  it('average folds with the sample deviation, leaving out what is undefined', () => {
    expect(meanAndDeviation([1, 2, 3, null])).toEqual({ mean: 2, deviation: 1, count: 3 });
    expect(meanAndDeviation([0.5])).toEqual({ mean: 0.5, deviation: null, count: 1 });
    expect(meanAndDeviation([null])).toBeNull();
  });

  it('of the bootstrap are told how often each unit was drawn: all of them once, then as many as there are', () => {
    // Of four units: 3, 0, 0, 2 and 1, 1, 2, 3.
    const drawn = [0.99, 0, 0.24, 0.5, 0.25, 0.49, 0.74, 0.75];
    const told: number[][] = [];
    const measure = (times: Uint32Array) => {
      told.push([...times]);
      return { none: null, first: told.length };
    };
    const intervals = bootstrapIntervals(4, measure, { replicates: 2, random: () => drawn.shift()! });
    expect(told).toEqual([
      [1, 1, 1, 1],
      [2, 0, 1, 1],
      [0, 2, 1, 1],
    ]);
    // Between 2 and 3.
    expect(intervals).toEqual({
      none: null,
      first: { value: 1, low: expect.closeTo(2.025, 12) as number, high: expect.closeTo(2.975, 12) as number },
    });
    expect(drawn).toEqual([]);
  });

  it('of the bootstrap leave out the draws in which a figure is undefined', () => {
    const of = (...figures: (number | null)[]) =>
      bootstrapIntervals(3, () => ({ figure: figures.shift()! }), { replicates: figures.length - 1, random: () => 0 })
        .figure;
    expect(of(5, null, 7, null)).toEqual({ value: 5, low: 7, high: 7 });
    expect(of(5, null, null)).toBeNull();
    expect(of(null, 6, 7)).toBeNull();
    // Without a unit nothing is drawn.
    expect(bootstrapIntervals(0, () => ({ figure: 4 }), { replicates: 9, random: () => 0 })).toEqual({ figure: null });
  });
});
