import { expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';

it('gives the same numbers for the same key, unrelated ones for another, and covers [0, 1) evenly', () => {
  const draw = (...key: (string | number)[]) => {
    const { next } = seededRandom(...key);
    return Array.from({ length: 10_000 }, next);
  };
  const numbers = draw('case', 7);
  expect(draw('case', 7)).toEqual(numbers);
  // A key is its parts, not their letters in a row.
  for (const other of [draw('case', 8), draw('case7'), draw('cas', 'e7')]) {
    expect(other.filter((value, index) => value === numbers[index])).toEqual([]);
  }
  const tenths = Array.from({ length: 10 }, (_, tenth) => numbers.filter((value) => Math.floor(value * 10) === tenth));
  // Standard deviation of each: 30.
  for (const { length } of tenths) expect(Math.abs(length - 1_000)).toBeLessThan(120);
});

it('draws whole numbers with both ends, and normal numbers with their mean and spread', () => {
  const random = seededRandom('shapes');
  const dice = Array.from({ length: 2_000 }, () => random.integer(1, 6));
  expect([...new Set(dice)].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  const heights = Array.from({ length: 20_000 }, () => random.normal(170, 9));
  const mean = heights.reduce((sum, height) => sum + height, 0) / heights.length;
  const variance = heights.reduce((sum, height) => sum + (height - mean) ** 2, 0) / heights.length;
  expect(mean).toBeCloseTo(170, 0);
  expect(Math.sqrt(variance)).toBeCloseTo(9, 0);
});
