import { describe, expect, it } from 'vitest';
import { passesOf } from '../../../src/assemble/passes.ts';
import type { InstanceHeader } from '../../../src/case/case.ts';
import { instanceOf } from './syntheticStudy.ts';

/** Slices of one table movement: millimetres below the head, and what else each states. */
interface Movement {
  mm: readonly number[];
  /** Image number of each slice, by its index; absent: none has one. */
  number?: (index: number) => number;
  /** Seconds after eight o'clock. */
  seconds?: (index: number) => number;
  header?: Partial<InstanceHeader>;
}

const steps = (count: number, fromMm = 0, stepMm = 5): number[] =>
  Array.from({ length: count }, (_, index) => fromMm + index * stepMm);

const at = (seconds: number): string =>
  new Date(Date.UTC(2026, 0, 2, 8) + Math.round(1000 * seconds)).toISOString().replace(/[-T:Z]/g, '');

/**
 * Of which movements the slices of each pass are, with how many. UIDs say nothing: the slices are handed over in their order, which is that of no movement.
 */
function passes(...movements: Movement[]): string[] {
  const names = new Map<string, string>();
  const slices = movements.flatMap(({ mm, number, seconds, header }, movement) =>
    mm.map((millimetres, index) => {
      const sopInstanceUid = `1.2.${String((7_919 * (100 * movement + index)) % 10_007).padStart(5, '0')}`;
      names.set(sopInstanceUid, 'abc'[movement]!);
      return instanceOf({
        sopInstanceUid,
        sliceThicknessMm: 5,
        instanceNumber: number?.(index) ?? null,
        acquisitionDateTime: seconds === undefined ? '' : at(seconds(index)),
        imagePositionPatientMm: [0, 0, 200 - millimetres],
        ...header,
      });
    }),
  );
  slices.sort((a, b) => (a.header.sopInstanceUid < b.header.sopInstanceUid ? -1 : 1));
  return passesOf(slices)
    .map((pass) => {
      const of = pass.map(({ header }) => names.get(header.sopInstanceUid)!);
      return ['a', 'b', 'c']
        .map((name) => ({ name, count: of.filter((one) => one === name).length }))
        .filter(({ count }) => count > 0)
        .map(({ name, count }) => `${count}${name}`)
        .join('+');
    })
    .sort();
}

describe('passes that their attributes tell apart', () => {
  it.each<[string, Partial<InstanceHeader>, Partial<InstanceHeader>, string[]]>([
    ['acquisition', { acquisitionNumber: 1 }, { acquisitionNumber: 2 }, ['10a', '10b']],
    ['stack', { stackId: '1' }, { stackId: '2' }, ['10a', '10b']],
    ['no stack and an empty one', {}, { stackId: '' }, ['10a+10b']],
    [
      'acquisition 1 of stack 2, and 12 of none',
      { acquisitionNumber: 1, stackId: '2' },
      { acquisitionNumber: 12 },
      ['10a', '10b'],
    ],
  ])('%s', (_what, one, other, expected) => {
    expect(passes({ mm: steps(10), header: one }, { mm: steps(10, 50), header: other })).toEqual(expected);
  });
});

describe('a pause between slices', () => {
  const moments = (...dateTimes: string[]): number =>
    passesOf(
      dateTimes.map((acquisitionDateTime, index) =>
        instanceOf({
          sopInstanceUid: `1.2.${index}`,
          acquisitionDateTime,
          instanceNumber: null,
          imagePositionPatientMm: [0, 0, -index],
        }),
      ),
    ).length;

  it.each<[number, ...string[]]>([
    [1, '20260102080000', '20260102080015'],
    [2, '20260102080000', '20260102080015.1'],
    [1, '20260102080050.5', '20260102080105.5'],
    [2, '20260102085950', '20260102090006'],
    [1, '20261231235959', '20270101000014'],
    [2, '20261231235959', '20270101000015'],
    // There is a 29 February in between, or none.
    [2, '20280228235959', '20280301000000'],
    [1, '20270228235959', '20270301000000'],
    // Whichever comes first in the list.
    [1, '20260102080015', '20260102080000'],
    [3, '20260102080040', '20260102080000', '20260102080020'],
    [1, '20260102080000'],
    // One that does not say when.
    [1, '20260102080040', '', '20260102080000'],
    [1, '20260102080040', '20260102'],
  ])('makes %i passes: %s, %s, %s', (count, ...dateTimes) => {
    expect(moments(...dateTimes)).toBe(count);
  });
});

describe('passes that follow one another within seconds', () => {
  /** A slice each tenth of a second. */
  const from = (start: number) => (index: number) => start + 0.1 * index;

  it.each<[string, Movement[], string[]]>([
    [
      'after a second',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(10, 2), seconds: from(2) },
      ],
      ['10a', '10b'],
    ],
    [
      'each at one moment',
      [
        { mm: steps(10), seconds: () => 0 },
        { mm: steps(10, 2), seconds: () => 1 },
      ],
      ['10a', '10b'],
    ],
    [
      'all at one moment',
      [
        { mm: steps(10), seconds: () => 3 },
        { mm: steps(10, 2), seconds: () => 3 },
      ],
      ['10a+10b'],
    ],
    ['without a time', [{ mm: steps(10), seconds: from(0) }, { mm: steps(10, 2) }], ['10a+10b']],
    [
      'of five slices',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(5, 2), seconds: from(2) },
      ],
      ['10a', '5b'],
    ],
    [
      'of four slices',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(4, 2), seconds: from(2) },
      ],
      ['10a+4b'],
    ],
    [
      'of five before',
      [
        { mm: steps(5), seconds: from(0) },
        { mm: steps(10, 2), seconds: from(2) },
      ],
      ['10b', '5a'],
    ],
    [
      'of four before',
      [
        { mm: steps(4), seconds: from(0) },
        { mm: steps(10, 2), seconds: from(2) },
      ],
      ['4a+10b'],
    ],
    [
      '10 mm in common',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(10, 35), seconds: from(2) },
      ],
      ['10a+10b'],
    ],
    [
      '11 mm in common',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(10, 34), seconds: from(2) },
      ],
      ['10a', '10b'],
    ],
    [
      '11 mm in common, from below',
      [
        { mm: steps(10, 34), seconds: from(0) },
        { mm: steps(10), seconds: from(2) },
      ],
      ['10a', '10b'],
    ],
    [
      'one within the other',
      [
        { mm: steps(20), seconds: from(0) },
        { mm: steps(6, 32), seconds: from(3) },
      ],
      ['20a', '6b'],
    ],
    [
      'three of them',
      [
        { mm: steps(8), seconds: from(0) },
        { mm: steps(8, 2), seconds: from(2) },
        { mm: steps(8, 3), seconds: from(5) },
      ],
      ['8a', '8b', '8c'],
    ],
    [
      'the third too short: then none is split off',
      [
        { mm: steps(8), seconds: from(0) },
        { mm: steps(8, 2), seconds: from(2) },
        { mm: [0, 1, 17, 30, 31.5], seconds: from(5) },
      ],
      ['8a+8b+5c'],
    ],
    [
      'steady, where the table begins at its top again',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(12, 2), seconds: from(1) },
      ],
      ['10a', '12b'],
    ],
    [
      'steady, where the table comes back',
      [
        { mm: steps(10), seconds: from(0) },
        { mm: steps(10, 2).toReversed(), seconds: from(1) },
      ],
      ['10a', '10b'],
    ],
    [
      'a longer pause counts more than a jump of the table',
      [
        { mm: steps(10), seconds: (index) => 0.1 * index + (index > 4 ? 3 : 0) },
        { mm: steps(10, 2), seconds: from(4) },
      ],
      ['10b', '5a', '5a'],
    ],
  ])('%s', (_what, movements, expected) => {
    expect(passes(...movements)).toEqual(expected);
  });

  /** 20 slices with so many holes of one slice. */
  const holed = (holes: number): number[] =>
    steps(20).map((mm, index) => mm + 5 * Math.min(holes, Math.floor(index / 3)));
  it.each<[string, number[], number | null, string[]]>([
    ['five holes in 20 slices', holed(5), 5, ['20a', '40b']],
    ['six holes in 20 slices', holed(6), 5, ['20a+40b']],
    ['5 mm apart, 3.4 mm thick', steps(20), 3.4, ['20a', '40b']],
    ['5 mm apart, 3.3 mm thick: others lie between them', steps(20), 3.3, ['20a+40b']],
    ['of no thickness', steps(20), 0, ['20a', '40b']],
    ['of unknown thickness', steps(20), null, ['20a', '40b']],
  ])('are passes by themselves: %s', (_what, mm, sliceThicknessMm, expected) => {
    const header = { sliceThicknessMm };
    expect(passes({ mm, seconds: from(0), header }, { mm: steps(40, 2), seconds: from(4), header })).toEqual(expected);
  });
});

describe('passes that only their image numbers tell apart', () => {
  const up = (first: number) => (index: number) => first + index;
  const down = (first: number) => (index: number) => first - index;

  it.each<[string, Movement[], string[]]>([
    [
      'begin anew',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10, 2), number: up(1) },
      ],
      ['10a', '10b'],
    ],
    [
      'begin anew with nought',
      [
        { mm: steps(10), number: up(0) },
        { mm: steps(10, 2), number: up(0) },
      ],
      ['10a', '10b'],
    ],
    [
      'go on',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10, 2), number: up(11) },
      ],
      ['10a', '10b'],
    ],
    [
      'go on from the feet',
      [
        { mm: steps(10), number: down(10) },
        { mm: steps(10, 2), number: down(20) },
      ],
      ['10a', '10b'],
    ],
    [
      'come back',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10, 2), number: down(20) },
      ],
      ['10a', '10b'],
    ],
    [
      'cross',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10, 2), number: down(10) },
      ],
      ['10a', '10b'],
    ],
    [
      'are left out by one slice',
      [{ mm: steps(10), number: up(1) }, { mm: steps(9, 2), number: up(1) }, { mm: [47] }],
      ['10a+9b+1c'],
    ],
    [
      'five slices',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(5, 2), number: up(11) },
      ],
      ['10a', '5b'],
    ],
    [
      'four slices',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(4, 2), number: up(11) },
      ],
      ['10a+4b'],
    ],
    [
      'three passes',
      [
        { mm: steps(8), number: up(1) },
        { mm: steps(8, 2), number: up(1) },
        { mm: steps(8, 3), number: up(9) },
      ],
      ['8a', '8b', '8c'],
    ],
    [
      'three passes of five slices',
      [
        { mm: steps(5), number: up(1) },
        { mm: steps(5, 2), number: up(1) },
        { mm: steps(5, 3), number: up(1) },
      ],
      ['5a', '5b', '5c'],
    ],
    [
      'the lower half before the upper one',
      [
        { mm: steps(10, 50), number: up(1) },
        { mm: steps(10), number: up(11) },
      ],
      ['10a+10b'],
    ],
    [
      '10 mm in common',
      [
        { mm: steps(10, 35), number: up(1) },
        { mm: steps(10), number: up(11) },
      ],
      ['10a+10b'],
    ],
    [
      '11 mm in common',
      [
        { mm: steps(10, 34), number: up(1) },
        { mm: steps(10), number: up(11) },
      ],
      ['10a', '10b'],
    ],
    [
      'slices of one number at one place',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10), number: up(1) },
      ],
      ['10a+10b'],
    ],
    [
      'a turn at one place',
      [
        { mm: steps(10), number: up(1) },
        { mm: steps(10).toReversed(), number: up(11) },
      ],
      ['10a', '10b'],
    ],
    [
      'three movements, of which two turn at one place',
      [
        { mm: [...steps(10), ...steps(9).toReversed()], number: up(1) },
        { mm: steps(10), number: up(20) },
      ],
      ['10a', '10b', '9a'],
    ],
    // Nobody knows which of two slices at the place is of which pass.
    [
      'two turns at one place',
      [
        { mm: [...steps(10), ...steps(10).toReversed()], number: up(1) },
        { mm: [0, ...steps(9, 5)], number: up(21) },
      ],
      ['20a+10b'],
    ],
    [
      'by place',
      [
        { mm: steps(10), number: (index) => 1 + 2 * index },
        { mm: steps(10, 2), number: (index) => 2 + 2 * index },
      ],
      ['10a+10b'],
    ],
    [
      'in disorder',
      [
        { mm: steps(20), number: (index) => (7 * index) % 20 },
        { mm: steps(20, 2), number: (index) => 20 + ((7 * index) % 20) },
      ],
      ['20a+20b'],
    ],
  ])('%s', (_what, movements, expected) => {
    expect(passes(...movements)).toEqual(expected);
  });

  it.each([
    // A fifth of the step of 5 mm.
    [1, ['10b', '11a']],
    [1.5, ['11a+10b']],
    [-1, ['10b', '11a']],
    [-1.5, ['11a+10b']],
  ])('begin with a step like the others, and %d mm', (mm, expected) => {
    const first = { mm: [-5 - mm, ...steps(10)], number: up(1) };
    expect(passes(first, { mm: steps(10, 2), number: up(12) })).toEqual(expected);
  });

  it('frames of one object have no image numbers of their own', () => {
    const slices = [...steps(10), ...steps(10, 2)].map((mm, index) =>
      instanceOf({ instanceNumber: 1 + (index % 10), imagePositionPatientMm: [0, 0, -mm], sliceThicknessMm: 5 }),
    );
    const frames = slices.map((slice, index) => ({ ...slice, frameNumber: index + 1 }));
    expect([passesOf(slices).length, passesOf(frames).length]).toEqual([2, 1]);
  });
});
