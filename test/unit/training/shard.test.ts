import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { deflatedPlanes } from '../../../training/shard.ts';

it('a shard holds what the reader in Python undoes: each row less the one above it, in each plane anew', () => {
  // The same two planes are read in training/tests/test_data.py.
  const planes = Uint8Array.of(1, 2, 3, 4, 1, 2, 5, 5, 5, 5, 6, 4);
  expect([...inflateSync(deflatedPlanes(planes, 2, 3))]).toEqual([1, 2, 3, 3, 255, 255, 5, 5, 5, 0, 1, 255]);
  expect([...planes.subarray(0, 3)]).toEqual([1, 2, 3]);
});
