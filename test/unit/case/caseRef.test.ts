import { expect, test } from 'vitest';
import { caseRef } from '../../../src/case/caseRef.ts';

test('the reference of a study never changes: addresses of years ago name it', () => {
  // printf 'odontoid case 1.2.840.113619.2.5' | sha256sum
  expect(caseRef('1.2.840.113619.2.5')).toBe('5beb699b60e28a8d4308');
  expect(caseRef('1.2.840.113619.2.6')).not.toBe(caseRef('1.2.840.113619.2.5'));
});
