import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
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
import {
  averagePrecision,
  brierScore,
  calibrationError,
  countConfusion,
  operatingCurve,
  ppvAtPrevalence,
  rank,
  ratesOf,
  reliabilityBins,
  rocAuc,
  type Scored,
} from '../../../src/statistics/metrics.ts';

interface Job {
  scores: number[];
  labels: boolean[];
  weights: number[];
  threshold: number;
}

/** Cohorts with and without ties, balanced and not, good and useless. */
function jobs(): Job[] {
  return [
    { n: 40, prevalence: 0.5, lift: 0.3, steps: 0 },
    { n: 500, prevalence: 0.2, lift: 0.25, steps: 0 },
    { n: 300, prevalence: 0.2, lift: 0.2, steps: 10 },
    { n: 60, prevalence: 0.3, lift: 0, steps: 4 },
    { n: 200, prevalence: 0.05, lift: -0.2, steps: 20 },
    { n: 30, prevalence: 0.5, lift: 1, steps: 0 },
  ].map(({ n, prevalence, lift, steps }, i) => {
    const random = seededRandom('metrics-test', i);
    // Both classes are there, whatever is drawn.
    const labels = Array.from({ length: n }, (_, k) => (k < 2 ? true : k < 4 ? false : random.chance(prevalence)));
    const scores = labels.map((label) => {
      const score = Math.min(1, Math.max(0, random.between(0.05, 0.7) + (label ? lift : 0)));
      return steps === 0 ? score : Math.round(score * steps) / steps;
    });
    return {
      scores,
      labels,
      weights: labels.map(() => random.integer(0, 3) + (random.chance(0.5) ? 0.5 : 1)),
      threshold: steps === 0 ? 0.5 : 5 / 10,
    };
  });
}

interface Reference {
  confusion: number[];
  roc: { fpr: number[]; tpr: number[]; thresholds: number[] };
  pr: { precision: number[]; recall: number[] };
  calibration: { share: number[]; mean: number[]; ece: number };
  delongVariance: number;
  [figure: string]: unknown;
}

function scikitLearn(asked: Job[]): Reference[] {
  // Debian's interpreter: scikit-learn is its package.
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [join(import.meta.dirname, 'reference.py')], {
    input: JSON.stringify(asked),
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Reference[];
}

const samplesOf = ({ scores, labels }: Job): Scored[] => scores.map((score, i) => ({ score, label: labels[i]! }));
function expectAll(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i]!, 10);
}

describe('the figures are those of scikit-learn', () => {
  it('at a threshold, along the curves, and in calibration', () => {
    const asked = jobs();
    for (const [i, reference] of scikitLearn(asked).entries()) {
      const job = asked[i]!;
      const samples = samplesOf(job);
      const confusion = countConfusion(samples, job.threshold);
      expect([
        confusion.truePositives,
        confusion.falsePositives,
        confusion.trueNegatives,
        confusion.falseNegatives,
      ]).toEqual(reference.confusion);
      // Scikit-learn prints 0 where a figure is undefined; here that is null.
      for (const [name, value] of Object.entries(ratesOf(confusion)))
        expect((value as number | null) ?? 0, `${name} of cohort ${i}`).toBeCloseTo(reference[name] as number, 10);

      const ranking = rank(samples);
      expect(rocAuc(ranking)).toBeCloseTo(reference['auc'] as number, 10);
      expect(rocAuc(ranking, job.weights)).toBeCloseTo(reference['weightedAuc'] as number, 10);
      expect(averagePrecision(ranking)).toBeCloseTo(reference['averagePrecision'] as number, 10);
      expect(averagePrecision(ranking, job.weights)).toBeCloseTo(reference['weightedAveragePrecision'] as number, 10);

      const curve = operatingCurve(samples);
      expectAll(
        curve.map((point) => point.fpr),
        reference.roc.fpr,
      );
      expectAll(
        curve.map((point) => point.tpr),
        reference.roc.tpr,
      );
      expectAll(
        curve.map((point) => point.threshold),
        reference.roc.thresholds,
      );
      expectAll(
        curve.map((point) => point.precision),
        reference.pr.precision,
      );
      expectAll(
        curve.map((point) => point.tpr),
        reference.pr.recall,
      );

      expect(brierScore(samples)).toBeCloseTo(reference['brier'] as number, 10);
      const bins = reliabilityBins(samples);
      const filled = bins.filter((bin) => bin.count > 0);
      expectAll(
        filled.map((bin) => bin.meanProbability!),
        reference.calibration.mean,
      );
      expectAll(
        filled.map((bin) => bin.positives / bin.count),
        reference.calibration.share,
      );
      expect(calibrationError(bins)).toBeCloseTo(reference.calibration.ece, 10);

      const { value, low, high } = delongInterval(samples)!;
      expect(value).toBeCloseTo(reference['auc'] as number, 10);
      if (reference.delongVariance > 0) {
        const logit = (p: number) => Math.log(p / (1 - p));
        expect(logit(high) - logit(low)).toBeCloseTo(
          (2 * 1.959963984540054 * Math.sqrt(reference.delongVariance)) / (value * (1 - value)),
          8,
        );
      } else expect(low).toBeLessThan(value);
    }
  });
});

describe('metrics', () => {
  const perfect = [0.9, 0.8, 0.2, 0.1].map((score, i) => ({ score, label: i < 2 }));

  it('are null, not zero, where the cohort leaves them undefined', () => {
    expect(ratesOf(countConfusion([{ label: false, score: 0.1 }], 0.5))).toEqual({
      tpr: null,
      tnr: 1,
      ppv: null,
      npv: 1,
      f1: null,
      accuracy: 1,
      mcc: null,
      balancedAccuracy: null,
    });
    expect(rocAuc(rank([{ label: true, score: 0.1 }]))).toBeNull();
    expect(averagePrecision(rank([{ label: false, score: 0.1 }]))).toBeNull();
    expect(operatingCurve([{ label: false, score: 0.1 }])).toEqual([]);
    expect(brierScore([])).toBeNull();
    expect(calibrationError(reliabilityBins([]))).toBeNull();
    expect(() => rank([{ label: true, score: Number.NaN }])).toThrow(/not a number/);
  });

  it('take a score at the threshold as positive', () => {
    expect(countConfusion(perfect, 0.8).truePositives).toBe(2);
    expect(countConfusion(perfect, 0.8000001).truePositives).toBe(1);
  });

  it('carry a figure to another prevalence', () => {
    // 1,000 people at 5 %: 45 of 50 found, 95 of 950 flagged falsely.
    expect(ppvAtPrevalence(0.9, 0.9, 0.05)).toBeCloseTo(45 / 140, 12);
    expect(ppvAtPrevalence(0, 1, 0.05)).toBeNull();
  });

  it('keep the area when scores are stretched in order, and turn it round with them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ label: fc.boolean(), score: fc.integer({ min: -20, max: 20 }) }), {
          minLength: 1,
          maxLength: 60,
        }),
        (samples) => {
          const area = rocAuc(rank(samples));
          expect(rocAuc(rank(samples.map((s) => ({ ...s, score: s.score ** 3 + 7 }))))).toBe(area);
          const turned = rocAuc(rank(samples.map((s) => ({ ...s, score: -s.score }))));
          if (area === null) expect(turned).toBeNull();
          else expect(turned).toBeCloseTo(1 - area, 12);
        },
      ),
    );
  });
});

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
});
