import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shareOwner } from '../../../src/infer/sliceShares.ts';

const objects = Array.from({ length: 3_000 }, (_, index) => createHash('sha256').update(String(index)).digest('hex'));
const sharesOf = (nodes: readonly string[]) => objects.map((sha256) => shareOwner(nodes, sha256));

it('nodes share slices about equally, whatever the order in which they are known', () => {
  const owners = sharesOf(['north', 'south', 'east']);
  expect(sharesOf(['east', 'north', 'south'])).toEqual(owners);
  // 1,000 each; five standard deviations are 129.
  for (const node of ['north', 'south', 'east'])
    expect(Math.abs(owners.filter((owner) => owner === node).length - 1_000)).toBeLessThan(130);
  expect(shareOwner([], objects[0]!)).toBeNull();
});

it('when a node is gone, only its own share changes hands', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 6 }), ([gone, ...left]) => {
      for (const sha256 of objects.slice(0, 50)) {
        const before = shareOwner([gone!, ...left], sha256);
        const after = shareOwner(left, sha256);
        expect(before === gone ? left : [before]).toContain(after);
      }
    }),
  );
});
