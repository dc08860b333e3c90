import { expect, it } from 'vitest';
import { median } from '../../../src/statistics/median.ts';

it.each([
  [[], null],
  [[7], 7],
  [[9, 1, 4], 4],
  [[8, 1, 4, 2], 3],
  [[-3, 10, -20, 5, 11, 2], 3.5],
])('the middle of %j is %j', (values, middle) => {
  expect(median(values)).toBe(middle);
});
