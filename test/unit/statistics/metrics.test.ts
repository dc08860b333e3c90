import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

  // Five positives and four negatives; no two of the four counts are alike.
  const mixed: readonly Scored[] = [
    ...[0.95, 0.9, 0.85, 0.3, 0.2].map((score) => ({ label: true, score })),
    ...[0.8, 0.25, 0.15, 0.1].map((score) => ({ label: false, score })),
  ];

  it('are the shares of the four counts', () => {
    const confusion = countConfusion(mixed, 0.25);
    expect(confusion).toEqual({ truePositives: 4, falsePositives: 2, trueNegatives: 2, falseNegatives: 1 });
    expect(ratesOf({ truePositives: 4, falsePositives: 2, trueNegatives: 7, falseNegatives: 1 })).toEqual({
      tpr: 4 / 5,
      tnr: 7 / 9,
      ppv: 4 / 6,
      npv: 7 / 8,
      f1: 8 / 11,
      accuracy: 11 / 14,
      // (28 - 2) / sqrt(6 * 5 * 9 * 8).
      mcc: expect.closeTo(26 / Math.sqrt(2160), 12) as number,
      balancedAccuracy: (4 / 5 + 7 / 9) / 2,
    });
    // Only negatives have no sensitivity, and only positives no specificity: nor has either a mean of the two.
    expect(ratesOf({ truePositives: 0, falsePositives: 2, trueNegatives: 7, falseNegatives: 0 })).toMatchObject({
      tpr: null,
      tnr: 7 / 9,
      balancedAccuracy: null,
    });
    expect(ratesOf({ truePositives: 4, falsePositives: 0, trueNegatives: 0, falseNegatives: 1 })).toMatchObject({
      tpr: 4 / 5,
      tnr: null,
      balancedAccuracy: null,
    });
  });

  it('of a ranking count pairs and precisions, each sample as often as it was drawn', () => {
    // Below the positives 0.95, 0.9 and 0.85 lie four negatives, below 0.3 three, below 0.2 two: 17 of 20 pairs.
    expect(rocAuc(rank(mixed))).toBeCloseTo(17 / 20, 12);
    expect(averagePrecision(rank(mixed))).toBeCloseTo((1 + 1 + 1 + 4 / 5 + 5 / 7) / 5, 12);
    const tied = [
      { label: true, score: 0.6 },
      { label: false, score: 0.6 },
      { label: true, score: 0.4 },
      { label: false, score: 0.2 },
    ];
    // Weights 2, 1, 3, 4: a tie of 2 half, 2 * 4 and 3 * 4 of 25 pairs.
    expect(rocAuc(rank(tied), [2, 1, 3, 4])).toBeCloseTo(21 / 25, 12);
    // 2 of 3 at 0.6, 5 of 6 at 0.4.
    expect(averagePrecision(rank(tied), [2, 1, 3, 4])).toBeCloseTo((2 * (2 / 3) + 3 * (5 / 6)) / 5, 12);
    expect(averagePrecision(rank(tied), [0, 1, 0, 4])).toBeNull();
  });

  it('of operating points leave out none that the scores part, and join those of equal score', () => {
    const points = [
      { label: true, score: 0.6 },
      { label: false, score: 0.6 },
      { label: true, score: 0.4 },
      { label: false, score: 0.2 },
      { label: false, score: 0.1 },
    ];
    expect(operatingCurve(points)).toEqual([
      { threshold: 0.6, tpr: 1 / 2, fpr: 1 / 3, precision: 1 / 2 },
      { threshold: 0.4, tpr: 1, fpr: 1 / 3, precision: 2 / 3 },
      { threshold: 0.2, tpr: 1, fpr: 2 / 3, precision: 2 / 4 },
      { threshold: 0.1, tpr: 1, fpr: 1, precision: 2 / 5 },
    ]);
    expect(operatingCurve([{ label: true, score: 0.1 }])).toEqual([]);
  });

  it('of probabilities: the bins reach up to and with their upper end, and empty ones say nothing', () => {
    const told = [0, 0.25, 0.26, 0.5, 0.375, 1].map((score, i) => ({ score, label: [false, true, true][i % 3]! }));
    expect(reliabilityBins(told, 4)).toEqual([
      { low: 0, high: 0.25, count: 2, positives: 1, meanProbability: 0.125 },
      { low: 0.25, high: 0.5, count: 3, positives: 2, meanProbability: (0.26 + 0.5 + 0.375) / 3 },
      { low: 0.5, high: 0.75, count: 0, positives: 0, meanProbability: null },
      { low: 0.75, high: 1, count: 1, positives: 1, meanProbability: 1 },
    ]);
    // |0.25 - 1| + |1.135 - 2| + 0 of six.
    expect(calibrationError(reliabilityBins(told, 4))).toBeCloseTo((0.75 + 0.865) / 6, 12);
    expect(brierScore(told.slice(0, 3))).toBeCloseTo((0 + 0.75 ** 2 + 0.74 ** 2) / 3, 12);
    // Ten unless another number is said.
    expect(reliabilityBins([{ score: 0.41, label: true }]).map(({ count }) => count)).toEqual([
      0, 0, 0, 0, 1, 0, 0, 0, 0, 0,
    ]);
  });
});
