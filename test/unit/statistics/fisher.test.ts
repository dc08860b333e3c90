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
