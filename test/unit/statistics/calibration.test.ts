import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { calibrationFigures } from '../../../src/statistics/calibration.ts';

const PROBABILITIES = [0.9, 0.8, 0.4, 0.7, 0.6, 0.3, 0.2, 0.1, 0.15, 0.05, 0.5, 0.35];
const POSITIVE = [true, true, true, false, true, false, false, false, true, false, false, false];
const PATIENTS = ['a', 'a', 'b', 'c', 'd', 'd', 'e', 'f', 'g', 'h', 'i', 'i'];
const samples = PROBABILITIES.map((score, i) => ({ score, label: POSITIVE[i]! }));

describe('calibrationFigures', () => {
  it('are those of a numerical maximum likelihood (SciPy, BFGS) with the sandwich variance of patients', () => {
    const { inTheLarge, slope } = calibrationFigures(samples, PATIENTS);
    const rounded = (one: typeof slope) => [one!.value, one!.low, one!.high].map((value) => Number(value.toFixed(5)));
    expect(rounded(inTheLarge)).toEqual([-0.02439, -1.60936, 1.56058]);
    expect(rounded(slope)).toEqual([0.81466, -0.27331, 1.90264]);
  });

  it('find a shift and a stretch of the logit that were put in, also where all probabilities are near 0', () => {
    const random = seededRandom('calibration');
    const drawn = Array.from({ length: 5_000 }, () => {
      const logit = 4 * (random.next() - 0.5);
      return { logit, label: random.next() < 1 / (1 + Math.exp(-logit)) };
    });
    const patients = drawn.map((_, i) => String(i));
    const told = (tell: (logit: number) => number) =>
      calibrationFigures(
        drawn.map(({ logit, label }) => ({ label, score: 1 / (1 + Math.exp(-tell(logit))) })),
        patients,
      );
    expect(told((logit) => logit + 0.7).inTheLarge!.value).toBeCloseTo(-0.7, 1);
    expect(told((logit) => logit + 0.7).slope!.value).toBeCloseTo(1, 1);
    expect(told((logit) => 2 * logit).slope!.value).toBeCloseTo(0.5, 1);
    expect(told((logit) => logit - 11).inTheLarge!.value).toBeCloseTo(11, 1);
  });

  it('say nothing where there is nothing to fit', () => {
    const nothing = { inTheLarge: null, slope: null };
    expect(calibrationFigures([], [])).toEqual(nothing);
    expect(calibrationFigures([{ score: 0.3, label: true }], ['a'])).toEqual(nothing);
    // Positives and negatives lie apart: any steeper slope fits better.
    const apart = [0.1, 0.2, 0.8, 0.9].map((score) => ({ score, label: score > 0.5 }));
    expect(calibrationFigures(apart, ['a', 'b', 'c', 'd']).slope).toBeNull();
  });
});
