import { expect, it } from 'vitest';
import { reasonPhrase } from '../../../src/case/reasonPhrase.ts';

it.each([
  ['No thin axial CT series.', 'No thin axial CT series'],
  ['Outside tested range (metal (much)) - not scored. Read as usual', 'metal (much)'],
  ['Outside tested range (metal)', 'metal'],
  [
    '3 of 48 slices cannot be read (slices 7, 8, 9 from the top: cut short) - not scored. Read as usual',
    '3 of 48 slices cannot be read (slices 7, 8, 9 from the top: cut short)',
  ],
  ['The series has no slices - not scored. Read as usual', 'The series has no slices'],
])('%s', (reason, phrase) => {
  expect(reasonPhrase(reason)).toBe(phrase);
});
