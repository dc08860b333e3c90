import { expect, test } from 'vitest';
import { CLAIM_ASKED_AFTER_MS, CLAIM_RETURNS_AFTER_MS, RINGS_AGAIN_AFTER_MS } from '../../../src/case/attention.ts';

test('a claim is asked about after 15 minutes and returns after 20; a flag rings again after 10', () => {
  expect([CLAIM_ASKED_AFTER_MS, CLAIM_RETURNS_AFTER_MS, RINGS_AGAIN_AFTER_MS]).toEqual([900_000, 1_200_000, 600_000]);
});
