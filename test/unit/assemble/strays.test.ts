import { describe, expect, it } from 'vitest';
import { strays } from '../../../src/assemble/strays.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { instanceOf } from './syntheticStudy.ts';

/** So many slices 5 mm apart, numbered from the head; `movedMm` by index: so much higher than their place. `fromMm`: all from an index on are. */
function scanOf(
  count: number,
  movedMm: Record<number, number>,
  fromMm: { index: number; mm: number } = { index: 0, mm: 0 },
): StoredInstance[] {
  return Array.from({ length: count }, (_, index) =>
    instanceOf({
      sopInstanceUid: `1.2.${index}`,
      instanceNumber: 7 + index,
      imagePositionPatientMm: [0, 0, -5 * index + (movedMm[index] ?? 0) + (index >= fromMm.index ? fromMm.mm : 0)],
    }),
  );
}

const foundIn = (slices: readonly StoredInstance[]): number[] =>
  strays(slices).map(({ header }) => header.instanceNumber! - 7);

describe('slices whose position cannot be right', () => {
  it.each<[string, number, Record<number, number>, number[]]>([
    ['three steps away are still a place', 40, { 20: 15 }, []],
    ['farther away', 40, { 20: 15.5 }, [20]],
    ['three steps below', 40, { 20: -15 }, []],
    ['farther below', 40, { 20: -15.5 }, [20]],
    ['two of 40', 40, { 10: 100, 30: -90 }, [10, 30]],
    ['three of 40: the numbers are wrong', 40, { 10: 100, 20: 80, 30: -90 }, []],
    ['three of 60', 60, { 10: 100, 20: 80, 30: -90 }, [10, 20, 30]],
    ['one of 20', 20, { 1: 70 }, [1]],
    ['one of 19', 19, { 1: 70 }, []],
    ['the last but one', 20, { 18: 70 }, [18]],
    ['the first, of which nobody knows', 20, { 0: 70 }, []],
    ['the last, of which nobody knows', 20, { 19: 70 }, []],
    ['one of two', 2, { 0: 70 }, []],
  ])('%s', (_what, count, movedMm, expected) => {
    const scan = scanOf(count, movedMm);
    expect(foundIn(scan)).toEqual(expected);
    expect(foundIn(scan.toReversed())).toEqual(expected);
  });

  it.each([
    // Two fifths of a step more or less than two steps, and half of one.
    [-2, [20]],
    [-2.5, []],
    [2, [20]],
    [2.5, []],
    // A hole.
    [-15, []],
  ])('lie between neighbours that are two steps apart, and %d mm', (mm, expected) => {
    expect(foundIn(scanOf(40, { 20: 200 }, { index: 21, mm }))).toEqual(expected);
  });

  it('are found where most steps are 5 mm, and many 4', () => {
    const nearer = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [index, Math.min(index, 15)]));
    expect(foundIn(scanOf(40, { ...nearer, 25: 100 }))).toEqual([25]);
  });

  it.each<[string, (index: number) => number | null]>([
    ['one has no number', (index) => (index === 3 ? null : index)],
    ['two have one number', (index) => (index === 3 ? 30 : index)],
  ])('are not looked for where %s', (_what, numberOf) => {
    const scan = scanOf(40, { 20: 200 });
    expect(foundIn(scan)).toEqual([20]);
    expect(strays(scan.map(({ header }, index) => instanceOf({ ...header, instanceNumber: numberOf(index) })))).toEqual(
      [],
    );
  });
});
