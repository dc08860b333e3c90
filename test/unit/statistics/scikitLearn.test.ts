import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { delongInterval } from '../../../src/statistics/intervals.ts';
import {
  averagePrecision,
  brierScore,
  calibrationError,
  countConfusion,
  operatingCurve,
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
