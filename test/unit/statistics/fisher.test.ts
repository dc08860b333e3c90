import { expect, it } from 'vitest';
import { fisherExact } from '../../../src/statistics/fisher.ts';

// scipy.stats.fisher_exact([[hits, rest], [hits, rest]])
it.each([
  [{ hits: 3, of: 20 }, { hits: 12, of: 20 }, 0.007911693673651405],
  [{ hits: 1, of: 10 }, { hits: 0, of: 30 }, 0.25],
  [{ hits: 20, of: 200 }, { hits: 47, of: 200 }, 0.0004366098427874678],
  [{ hits: 0, of: 5 }, { hits: 0, of: 7 }, 1],
])('Fisher’s exact test of %j and %j is that of SciPy', (one, other, expected) => {
  expect(fisherExact(one, other)).toBeCloseTo(expected, 9);
  expect(fisherExact(other, one)).toBeCloseTo(expected, 9);
});

it('says nothing where there is nothing to compare', () => {
  expect(fisherExact({ hits: 0, of: 0 }, { hits: 3, of: 9 })).toBe(1);
  expect(fisherExact({ hits: 5, of: 5 }, { hits: 9, of: 9 })).toBe(1);
});

// By hand, from the hypergeometric weights C(a, k) * C(b, hits - k) of each table.
it.each([
  // Weights 1, 3 for k = 1, 0: one table in four.
  [{ hits: 1, of: 1 }, { hits: 0, of: 3 }, 1 / 4],
  // Weights 70, 448, 784, 448, 70: all but the middle.
  [{ hits: 3, of: 8 }, { hits: 1, of: 8 }, 1036 / 1820],
  // Weights 1, 9, 9, 1: both outermost.
  [{ hits: 3, of: 3 }, { hits: 0, of: 3 }, 1 / 10],
  // More hits than the second has places: weights 56, 210, 168, 28 for k = 3 to 6, of which 28 only is as unlikely.
  [{ hits: 6, of: 8 }, { hits: 0, of: 3 }, 28 / 462],
])('Fisher’s exact test of %j and %j is the share of the tables that are as unlikely', (one, other, expected) => {
  expect(fisherExact(one, other)).toBeCloseTo(expected, 9);
  expect(fisherExact(other, one)).toBeCloseTo(expected, 9);
});

it('a probability never exceeds 1 by rounding', () => {
  for (let of = 1; of <= 40; of++) expect(fisherExact({ hits: 1, of }, { hits: 1, of })).toBeLessThanOrEqual(1);
});
