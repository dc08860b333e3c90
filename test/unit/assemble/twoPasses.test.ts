import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { splitStacks } from '../../../src/assemble/stacks.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { instanceOf } from './syntheticStudy.ts';

const SLICES = 50;
const STEP_MM = 2;
type Pass = 'first' | 'second';

/** How an archive numbers the images of both passes; `index` counts from the head. */
const NUMBERS = {
  'begin anew': (_pass: Pass, index: number) => 1 + index,
  'begin anew from the other end': (pass: Pass, index: number) => 1 + (pass === 'first' ? index : SLICES - 1 - index),
  'go on': (pass: Pass, index: number) => 1 + index + (pass === 'first' ? 0 : SLICES),
  'go on from the feet': (pass: Pass, index: number) => SLICES - index + (pass === 'first' ? 0 : SLICES),
  'go on from the other end': (pass: Pass, index: number) => (pass === 'first' ? 1 + index : 2 * SLICES - index),
  'begin far above': (pass: Pass, index: number) => 1 + index + (pass === 'first' ? 0 : 1_000),
  'run by place': (pass: Pass, index: number) => 1 + 2 * index + (pass === 'first' ? 0 : 1),
  'are all alike': () => 1,
  'are left out': () => null,
  'are in disorder': (pass: Pass, index: number) =>
    1 + ((37 * (2 * index + (pass === 'first' ? 0 : 1))) % (2 * SLICES)),
} satisfies Record<string, (pass: Pass, index: number) => number | null>;

/** Seconds after the first slice, with a pause of `pauseSeconds` between the passes; null for none. */
const TIMES = {
  'are left out': () => null,
  'are all alike': () => 0,
  'are those of the pass': (pass: Pass, _index: number, pauseSeconds: number) => (pass === 'first' ? 0 : pauseSeconds),
  'run with the table': (pass: Pass, index: number, pauseSeconds: number) =>
    0.05 * index + (pass === 'first' ? 0 : 0.05 * SLICES + pauseSeconds),
  'run from the feet': (pass: Pass, index: number, pauseSeconds: number) =>
    0.05 * (SLICES - index) + (pass === 'first' ? 0 : 0.05 * SLICES + pauseSeconds),
  'run there and back': (pass: Pass, index: number, pauseSeconds: number) =>
    pass === 'first' ? 0.05 * index : 0.05 * (2 * SLICES - index) + pauseSeconds,
  'are whole seconds': (pass: Pass, index: number, pauseSeconds: number) =>
    Math.floor(0.05 * index) + (pass === 'first' ? 0 : 3 + Math.ceil(pauseSeconds)),
  'are those of one acquisition, reconstructed twice': (_pass: Pass, _index: number, _pause: number, place: number) =>
    0.05 * place,
} satisfies Record<string, (pass: Pass, index: number, pauseSeconds: number, place: number) => number | null>;

interface Scan {
  numbers: keyof typeof NUMBERS;
  times: keyof typeof TIMES;
  /** How much lower the second pass lies, in steps. */
  shift: number;
  /** The first place of the second pass, and its slices. */
  from: number;
  slices: number;
  pauseSeconds: number;
  isThicknessStated: boolean;
  scramble: number;
}

function dateTimeAfter(seconds: number | null): string {
  if (seconds === null) return '';
  const at = new Date(Date.UTC(2026, 0, 2, 8, 29, 58) + Math.round(seconds * 1000)).toISOString();
  return `${at.slice(0, 19).replace(/[-T:]/g, '')}.${at.slice(20, 23)}`;
}

/** One series of two passes over the same neck, of which nothing says that they are two but what is given. */
function scanOf({ numbers, times, shift, from, slices, pauseSeconds, isThicknessStated, scramble }: Scan) {
  return (['first', 'second'] as const).flatMap((pass) =>
    Array.from({ length: pass === 'first' ? SLICES : slices }, (_, index) => ({
      pass,
      instance: instanceOf({
        // No order of the UIDs tells the passes apart.
        sopInstanceUid: `1.2.3.4.${1 + (((2 * index + (pass === 'first' ? 0 : 1)) * scramble) % 10_007)}`,
        sliceThicknessMm: isThicknessStated ? STEP_MM : null,
        instanceNumber: NUMBERS[numbers](pass, index),
        acquisitionDateTime: dateTimeAfter(
          TIMES[times](pass, index, pauseSeconds, index + (pass === 'first' ? 0 : from)),
        ),
        imagePositionPatientMm: [-100, -100, 60 - STEP_MM * (index + (pass === 'first' ? 0 : from + shift))],
      }),
    })),
  );
}

/** `one pass`, `both passes mixed`, or the code of the refusal. */
function outcome(scan: readonly { pass: Pass; instance: StoredInstance }[]): string {
  const study = assembleStudy(
    scan.map(({ instance }) => instance),
    DEFAULT_SERIES_RULES,
  );
  if (study.type === 'notEligible') return study.reasonCode;
  const passOf = new Map(scan.map(({ pass, instance }) => [instance.header.sopInstanceUid, pass]));
  const passes = new Set(study.manifest.slices.map(({ sopInstanceUid }) => passOf.get(sopInstanceUid)));
  return passes.size === 1 ? 'one pass' : 'both passes mixed';
}

/** A second pass over all that the first one covers. */
const WHOLE = { from: 0, slices: SLICES, pauseSeconds: 3, isThicknessStated: true, scramble: 7919 };
const ALL_NUMBERS = Object.keys(NUMBERS) as Scan['numbers'][];
const ALL_TIMES = Object.keys(TIMES) as Scan['times'][];
const SHIFTS = [0, 0.02, 0.25, 1 / 3, 0.4, 0.5, 0.6, 0.7, 0.8];
/** Numbers that follow the place, or say nothing. */
const SILENT_NUMBERS: readonly Scan['numbers'][] = ['run by place', 'are all alike', 'are left out', 'are in disorder'];
/** Times that are the same for both passes. */
const SILENT_TIMES: readonly Scan['times'][] = [
  'are left out',
  'are all alike',
  'are those of one acquisition, reconstructed twice',
];

const scan: fc.Arbitrary<Scan> = fc.record({
  numbers: fc.constantFrom(...ALL_NUMBERS),
  times: fc.constantFrom(...ALL_TIMES),
  shift: fc.constantFrom(...SHIFTS),
  from: fc.integer({ min: 0, max: 15 }),
  slices: fc.integer({ min: 25, max: SLICES - 15 }),
  pauseSeconds: fc.constantFrom(0.05, 0.5, 3, 14, 20),
  isThicknessStated: fc.boolean(),
  scramble: fc.constantFrom(7919, 1, 4801),
});

describe('two passes over one neck in one series', () => {
  it.each(ALL_NUMBERS.filter((numbers) => !SILENT_NUMBERS.includes(numbers)))(
    'are told apart where only their image numbers %s, unless two of one number lie at one place',
    (numbers) => {
      for (const shift of SHIFTS) {
        const isAtOnePlace = numbers === 'begin anew' && shift < 0.025;
        const expected = isAtOnePlace ? 'overlapping-stacks' : 'one pass';
        expect(outcome(scanOf({ ...WHOLE, numbers, times: 'are left out', shift })), `${shift}`).toBe(expected);
      }
    },
  );

  it.each(ALL_TIMES.filter((times) => !SILENT_TIMES.includes(times)))(
    'are told apart where only their times %s',
    (times) => {
      for (const shift of SHIFTS)
        for (const pauseSeconds of [0.05, 20])
          expect(
            outcome(scanOf({ ...WHOLE, numbers: 'are left out', times, shift, pauseSeconds })),
            `${shift} ${pauseSeconds}`,
          ).toBe('one pass');
    },
  );

  it('are never mixed where image numbers or times tell them apart, however much of the first the second covers', () => {
    fc.assert(
      fc.property(scan, (one) => {
        fc.pre(!isSilent(one));
        expect(outcome(scanOf(one))).not.toBe('both passes mixed');
      }),
      { numRuns: 40 },
    );
  });

  it('are told apart however many slices they have', () => {
    const slices = 1_200;
    const pass = (acquisitionNumber: number, shiftMm: number): StoredInstance[] =>
      Array.from({ length: slices }, (_, index) =>
        instanceOf({
          sopInstanceUid: `1.2.3.${acquisitionNumber}.${index}`,
          acquisitionNumber,
          sliceThicknessMm: 0.5,
          imagePositionPatientMm: [0, 0, -0.5 * index - shiftMm],
        }),
      );
    const stacks = splitStacks([...pass(1, 0), ...pass(2, 0.25)]);
    expect(stacks.map(({ slices: { length }, name }) => [length, name])).toEqual([
      [slices, 'acquisition 1'],
      [slices, 'acquisition 2'],
    ]);
  });

  it.each(SILENT_NUMBERS)('are refused as two stacks where their image numbers %s, and their times too', (numbers) => {
    for (const times of SILENT_TIMES)
      for (const shift of SHIFTS.filter((other) => other !== 0.5))
        expect(outcome(scanOf({ ...WHOLE, numbers, times, shift })), `${times} ${shift}`).toBe('overlapping-stacks');
  });

  it('are refused where their numbers cross at one place, so that one of two slices may be of either', () => {
    const crossing = { ...WHOLE, numbers: 'begin anew from the other end', times: 'are left out', shift: 0 } as const;
    expect(outcome(scanOf({ ...crossing, from: 9, slices: 25 }))).toBe('overlapping-stacks');
    expect(outcome(scanOf({ ...crossing, from: 10, slices: 25 }))).toBe('one pass');
  });

  it('look like one scan of half the step where nothing tells them apart and they lie exactly between one another', () => {
    for (const numbers of SILENT_NUMBERS)
      for (const times of SILENT_TIMES)
        expect(outcome(scanOf({ ...WHOLE, numbers, times, shift: 0.5 }))).toBe('both passes mixed');
  });

  it.each([
    ['begins at its top again', 25, (place: number) => 30 + place],
    ['comes back from the feet', 30, (place: number) => 59 - place],
  ])('are told apart without any pause between them, where the table %s', (_how, slices, turnOf) => {
    const pass = (length: number, turn: (place: number) => number, shift: number): StoredInstance[] =>
      Array.from({ length }, (_, place) =>
        instanceOf({
          sopInstanceUid: `1.2.3.4.${1 + turn(place)}`,
          sliceThicknessMm: STEP_MM,
          acquisitionDateTime: dateTimeAfter(0.05 * turn(place)),
          imagePositionPatientMm: [-100, -100, 60 - STEP_MM * (place + shift)],
        }),
      );
    const [first, second] = [pass(30, (place) => place, 0), pass(slices, turnOf, 0.5)];
    const stacks = splitStacks([...first, ...second]).map((stack) => new Set(stack.slices));
    expect(stacks).toEqual([new Set(first), new Set(second)]);
  });

  it.each([
    [15, 1],
    [15.001, 2],
  ])('that overlap by a few slices are two stacks after a pause of more than 15 s: %d s', (pauseSeconds, stacks) => {
    const pass = (from: number, startSeconds: number): StoredInstance[] =>
      Array.from({ length: 25 }, (_, index) =>
        instanceOf({
          sopInstanceUid: `1.2.3.4.${Math.round(10 * from) + 100 * index}`,
          sliceThicknessMm: STEP_MM,
          acquisitionDateTime: dateTimeAfter(startSeconds),
          imagePositionPatientMm: [-100, -100, 60 - STEP_MM * (from + index)],
        }),
      );
    expect(splitStacks([...pass(0, 0), ...pass(22.5, pauseSeconds)])).toHaveLength(stacks);
  });

  it.each([
    [4, 1],
    [5, 2],
  ])('count as two from five slices on: %i', (length, stacks) => {
    const pass = (count: number, startSeconds: number): StoredInstance[] =>
      Array.from({ length: count }, (_, index) =>
        instanceOf({
          sopInstanceUid: `1.2.3.4.${10 * index + startSeconds}`,
          sliceThicknessMm: 4,
          acquisitionDateTime: dateTimeAfter(startSeconds),
          imagePositionPatientMm: [-100, -100, 60 - 4 * (index + startSeconds / 2)],
        }),
      );
    expect(splitStacks([...pass(25, 0), ...pass(length, 1)])).toHaveLength(stacks);
  });
});

function isSilent({ numbers, times, shift }: Scan): boolean {
  const isOneOf = (names: readonly string[], name: string): boolean => names.includes(name);
  // At one place, numbers that begin anew say nothing either.
  const isSilentNumber = isOneOf(SILENT_NUMBERS, numbers) || (shift < 0.025 && numbers === 'begin anew');
  return isSilentNumber && isOneOf(SILENT_TIMES, times);
}
