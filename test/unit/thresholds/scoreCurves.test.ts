import { describe, expect, it, test } from 'vitest';
import { scoreCurves } from '../../../src/thresholds/scoreCurves.ts';
import { scansOf, times } from './scans.ts';

// Others at 0.05, 0.15 ... 0.95, fractures at 0.70, 0.68 ... 0.52.
const site = [
  ...times(10, (i) => ({ score: (2 * i + 1) / 20, fracture: false })),
  ...times(10, (i) => ({ score: (35 - i) / 50, fracture: true })),
];

describe('curves, by hand', () => {
  const curves = scoreCurves(scansOf(site));

  it('has each scan in its fortieth, and the certain ones in the last', () => {
    const { binWidth, fracture, withoutFracture, unconfirmed } = scoreCurves(
      scansOf([
        { score: 0, fracture: true },
        ...times(2, () => ({ score: 0.5, fracture: true })),
        ...times(3, () => ({ score: 0.4999, fracture: false })),
        ...times(4, () => ({ score: 0.974 })),
        ...times(5, () => ({ score: 0.976 })),
        ...times(6, () => ({ score: 1 })),
      ]),
    ).histogram;
    const bins = (filled: Record<number, number>) => times(40, (bin) => filled[bin] ?? 0);
    expect(binWidth).toBe(0.025);
    expect(fracture).toEqual(bins({ 0: 1, 20: 2 }));
    expect(withoutFracture).toEqual(bins({ 19: 3 }));
    expect(unconfirmed).toEqual(bins({ 38: 4, 39: 11 }));
  });

  it('names the scores of fractures, the lowest first', () => {
    expect(curves.fractureScores).toEqual([0.52, 0.54, 0.56, 0.58, 0.6, 0.62, 0.64, 0.66, 0.68, 0.7]);
  });

  it('has the figures of every hundredth, which flags the scores that are equal', () => {
    expect(curves.byThreshold.map(({ threshold }) => Math.round(100 * threshold))).toEqual(times(101, (step) => step));
    const at = (threshold: number) => curves.byThreshold.find((one) => one.threshold === threshold)!;
    expect(at(0.58)).toMatchObject({ sensitivity: { hits: 7, total: 10 }, specificity: { hits: 6, total: 10 } });
    expect(at(0.59)).toMatchObject({ sensitivity: { hits: 6, total: 10 }, ppv: { hits: 6, total: 10 } });
    expect(at(0)).toMatchObject({ sensitivity: { hits: 10 }, specificity: { hits: 0 } });
    expect(at(1)).toMatchObject({ sensitivity: { hits: 0 }, specificity: { hits: 10 } });
  });

  it('runs through each known score, the strictest first', () => {
    expect(curves.roc.map(({ threshold }) => threshold)).toEqual(site.map(({ score }) => score).sort((a, b) => b - a));
    expect(curves.roc[0]).toMatchObject({ threshold: 0.95, x: expect.closeTo(0.1, 9) as number, y: 0 });
    expect(curves.roc.at(-1)).toMatchObject({ threshold: 0.05, x: 1, y: 1 });
    // Six of the fractures and four of the others lie at 0.6 and above; Wilson, 6 of 10: 0.3127 to 0.8318.
    const band = { low: expect.closeTo(0.3127, 4) as number, high: expect.closeTo(0.8318, 4) as number };
    const point = (of: typeof curves.roc) => of.find(({ threshold }) => threshold === 0.6);
    expect(point(curves.roc)).toEqual({ threshold: 0.6, x: expect.closeTo(0.4, 9) as number, y: 0.6, band });
    expect(point(curves.precisionRecall)).toEqual({ threshold: 0.6, x: 0.6, y: 0.6, band });
    expect(curves.precisionRecall).toHaveLength(20);
    // Of the 100 pairs the fracture has the higher score in 2 x 5 + 5 x 6 + 3 x 7.
    expect(curves.rocAuc!.value).toBeCloseTo(0.61, 9);
  });
});

test.each([
  [10, 10, 20],
  [9, 11, 0],
  [11, 9, 0],
])('%i fractures and %i others give curves of %i points', (fractures, others, points) => {
  const { roc, precisionRecall, rocAuc } = scoreCurves(
    scansOf([
      ...times(fractures, (i) => ({ score: (i + 31) / 51, fracture: true })),
      ...times(others, (i) => ({ score: i / 50, fracture: false })),
    ]),
  );
  expect([roc.length, precisionRecall.length, rocAuc === null]).toEqual([points, points, points === 0]);
});

it('draws no more than 200 points', () => {
  const points = (scores: number) =>
    scoreCurves(scansOf(times(scores, (i) => ({ score: i / 500, fracture: i % 2 === 0 })))).roc.length;
  expect([points(200), points(201)]).toEqual([200, 101]);
});

it('draws no sensitivity while no unflagged scan has a verdict, though precision is known above them', () => {
  const { roc, rocAuc, precisionRecall } = scoreCurves(
    scansOf([
      ...times(12, (i) => ({ score: 0.6 + i / 50, fracture: true })),
      ...times(12, (i) => ({ score: 0.5 + i / 50, fracture: false })),
      ...times(5, () => ({ score: 0.1 })),
    ]),
  );
  expect([roc, rocAuc, precisionRecall]).toEqual([[], null, []]);
});
