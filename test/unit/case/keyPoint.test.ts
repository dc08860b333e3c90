import { expect, test } from 'vitest';
import { keyPoint } from '../../../src/case/keyPoint.ts';

test('the key point lies in the middle between the sides, and nearer to the back', () => {
  expect(keyPoint({ top: 10, bottom: 110, left: 24, right: 60 })).toEqual({ row: 70, column: 42 });
});
