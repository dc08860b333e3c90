import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { calibrationFigures, composed, recalibrated, recalibrationOf } from '../../../src/statistics/calibration.ts';
import type { Scored } from '../../../src/statistics/metrics.ts';

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

/** `score label patient` each: of one probability, a line through two, and their sandwich variances are known by hand. */
function read(text: string): { samples: Scored[]; patients: string[] } {
  const rows = text.split(', ').map((row) => row.split(' ') as [string, string, string]);
  return {
    samples: rows.map(([score, label]) => ({ score: Number(score), label: label === '+' })),
    patients: rows.map(([, , patient]) => patient),
  };
}
const Z = 1.959963984540054;
const about = (value: number, half: number) => ({
  value: expect.closeTo(value, 9) as number,
  low: expect.closeTo(value - half, 9) as number,
  high: expect.closeTo(value + half, 9) as number,
});
// Of 0.2 one in four is positive: n p q = 0.75, patients leave 0.5, -0.25, -0.25. Of 2/3 three in five: 1.2, and 0.8, -0.2, -0.6.
const TWO_PROBABILITIES = `0.2 + a, 0.2 - a, 0.2 - b, 0.2 - c, ${2 / 3} + d, ${2 / 3} + d, ${2 / 3} + e, ${2 / 3} - e, ${2 / 3} - f`;

describe('by hand', () => {
  it('the line through two probabilities goes through the logits of what was found', () => {
    const { samples: two, patients } = read(TWO_PROBABILITIES);
    // Variances of the two logits: 6/5 * 0.375 / 0.75^2 = 0.8 and 6/5 * 1.04 / 1.2^2 = 0.8667; the logits lie ln 8 apart.
    const slope = about(Math.log(4.5) / Math.log(8), (Z * Math.sqrt(0.8 + 2.6 / 3)) / Math.log(8));
    expect(calibrationFigures(two, patients).slope).toEqual(slope);
    // At a logit of 0: a third of the one and two thirds of the other.
    const intercept = about(Math.log(0.75) / 3, (Z * Math.sqrt(0.8 + (4 * 2.6) / 3)) / 3);
    expect(recalibrationOf(two, new Array<number>(9).fill(1), patients)).toEqual({
      intercept,
      slope,
      cases: 9,
      positives: 4,
    });
  });

  it.each([
    // Two in five, from two patients, who leave 0.8 and -0.8 of n p q = 1.2: 2/1 * 1.28 / 1.2^2.
    ['two patients', '0.2 + a, 0.2 + a, 0.2 - a, 0.2 - b, 0.2 - b', about(Math.log(8 / 3), (Z * 4) / 3)],
    ['one patient', '0.2 + a, 0.2 + a, 0.2 - a, 0.2 - a, 0.2 - a', null],
    // One in four; 0 counts as a millionth. Residuals 0.75 and three of -0.25: 4/3 * 0.75 / 0.75^2 = 16/9.
    ['probabilities of 0', '0 + a, 0 - b, 0 - c, 0 - d', about(-Math.log(3) + Math.log(1e6 - 1), (Z * 4) / 3)],
    ['no positives', '0.2 - a, 0.2 - b, 0.3 - c', null],
    ['positives only', '0.2 + a, 0.2 + b, 0.3 + c', null],
  ])('of %s: a shift and its interval', (_, text, expected) => {
    const { samples: some, patients } = read(text);
    expect(calibrationFigures(some, patients).inTheLarge).toEqual(expected);
  });

  it.each([0.3, 0.1, 0.7, 0.123])('one probability for all (%d) has no slope, however many there are', (score) => {
    const all = Array.from({ length: 4_000 }, (_, i) => ({ score, label: i % 3 === 0 }));
    const figures = calibrationFigures(
      all,
      all.map((_, i) => String(i)),
    );
    expect(figures.slope).toBeNull();
    expect(figures.inTheLarge).not.toBeNull();
  });

  // One in four of the lower and three in four of the upper: ln 3 on either side, told as that much less.
  it.each([
    [49.5, 49.5],
    [50.5, null],
    [-49.5, -49.5],
    [-50.5, null],
  ])('a slope of %d is %d: beyond 50 it is running away', (slope, expected) => {
    const score = (side: number): number => 1 / (1 + 3 ** (-side / slope));
    const told = [-1, 1].flatMap((side) =>
      [side, side, side, -side].map((label) => ({ score: score(side), label: label > 0 })),
    );
    const found = calibrationFigures(
      told,
      told.map((_, i) => String(i)),
    ).slope;
    expect(found && Number(found.value.toFixed(6))).toBe(expected);
  });

  it.each([
    // logistic(0.5 - 2 * ln 3), and what a certain probability counts as.
    [0.75, { intercept: 0.5, slope: -2 }, 1 / (1 + 9 * Math.exp(-0.5))],
    [0, { intercept: 0, slope: 1 }, 1e-12],
    [1, { intercept: 0, slope: 0.5 }, 1 - 1e-6],
  ])('%d becomes another probability by %j', (probability, map, expected) => {
    expect(recalibrated(probability, map) / expected).toBeCloseTo(1, 6);
  });

  it('the second map takes what the first gives', () => {
    // -2 + 5 * (3 + 7 x).
    expect(composed({ intercept: 3, slope: 7 }, { intercept: -2, slope: 5 })).toEqual({ intercept: 13, slope: 35 });
  });
});
