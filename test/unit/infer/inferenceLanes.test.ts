import { describe, expect, it } from 'vitest';
import { laneCount } from '../../../src/infer/inferenceLanes.ts';
import type { ModelPackage } from '../../../src/infer/modelCard.ts';

const MB = 1024 * 1024;
const packageOf = (kind: string, ...graphsMb: number[]): ModelPackage =>
  ({
    card: { kind },
    graphs: Object.fromEntries(graphsMb.map((mb, index) => [`graph${index}`, { byteLength: mb * MB }])),
  }) as unknown as ModelPackage;

describe('threads of the inference child', () => {
  it.each([
    ['as many as asked for', packageOf('slice-sequence', 6, 1), { threads: 5, memoryLimitMb: 4096 }, 5],
    // 2048 MB for threads of 150 + 4 * (60 + 15) MB.
    ['as many as half the memory holds', packageOf('slice-sequence', 60, 15), { threads: 32, memoryLimitMb: 4096 }, 4],
    [
      'one where the memory is for less than one',
      packageOf('slice-sequence', 90),
      { threads: 4, memoryLimitMb: 256 },
      1,
    ],
    ['one with a network that sees the whole volume', packageOf('volume', 3), { threads: 7, memoryLimitMb: 4096 }, 1],
  ])('%s', (_, modelPackage, bounds, count) => {
    expect(laneCount(modelPackage, bounds)).toBe(count);
  });
});
