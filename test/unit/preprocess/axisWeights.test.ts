import { expect, it } from 'vitest';
import { axisWeights } from '../../../src/preprocess/axisWeights.ts';

/** By hand: a triangle about each output pixel's centre, its half width the factor, at least 1; shares of its sum. */
it.each<[from: number, to: number, firsts: number[], weights: number[][]]>([
  [
    4,
    4,
    [0, 1, 2, 2],
    [
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
    ],
  ],
  [
    2,
    4,
    [0, 0, 0, 0],
    [
      [1, 0],
      [0.75, 0.25],
      [0.25, 0.75],
      [0, 1],
    ],
  ],
  [1, 3, [0, 0, 0], [[1], [1], [1]]],
  [
    4,
    2,
    [0, 0],
    [
      [3 / 7, 3 / 7, 1 / 7, 0],
      [0, 1 / 7, 3 / 7, 3 / 7],
    ],
  ],
  [
    9,
    3,
    [0, 2, 3],
    [
      [2 / 8, 3 / 8, 2 / 8, 1 / 8, 0, 0],
      [1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9, 0],
      [0, 0, 1 / 8, 2 / 8, 3 / 8, 2 / 8],
    ],
  ],
])('brings %i pixels to %i', (from, to, firsts, weights) => {
  const found = axisWeights(from, to);
  expect(found.taps).toBe(weights[0]!.length);
  expect([...found.firsts]).toEqual(firsts);
  for (const [index, weight] of weights.flat().entries()) expect(found.weights[index]).toBeCloseTo(weight, 6);
  expect(found.weights).toHaveLength(weights.flat().length);
});
