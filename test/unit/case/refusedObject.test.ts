import { expect, test } from 'vitest';
import { refusedPhrase } from '../../../src/case/refusedObject.ts';

test.each([
  [1, '1 object was refused (0xC000: no pixels)'],
  [2, '2 objects were refused (0xC000: no pixels)'],
])('%i refused', (count, phrase) => {
  expect(refusedPhrase({ count, why: '0xC000: no pixels.' })).toBe(phrase);
});
