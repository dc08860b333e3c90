import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alternatingSteps, missingSlices, orderSlices } from '../../../src/assemble/sliceOrder.ts';
import type { InstanceHeader } from '../../../src/case/case.ts';
import { instanceOf, seriesOf, uidsOf } from './syntheticStudy.ts';

describe('orderSlices', () => {
  it('orders superior to inferior in any order of arrival, by position alone', () => {
    const series = seriesOf({ slices: 60, spacingMm: 0.625 });
    fc.assert(
      fc.property(fc.shuffledSubarray(series, { minLength: series.length }), (arrived) => {
        const stack = orderSlices(arrived);
        expect(uidsOf(stack.slices.map(({ instance }) => instance))).toEqual(uidsOf(series));
        expect(stack).toMatchObject({
          spacingMm: 0.625,
          coverageMm: 37.5,
          gaps: [],
          duplicates: [],
          irregularSteps: 0,
        });
      }),
    );
  });

  const orientations: [string, InstanceHeader['imageOrientationPatient']][] = [
    ['feet first supine', [-1, 0, 0, 0, 1, 0]],
    ['prone', [-1, 0, 0, 0, -1, 0]],
    ['transposed', [0, 1, 0, 1, 0, 0]],
  ];
  it.each(orientations)('puts the head first %s', (_name, imageOrientationPatient) => {
    const series = seriesOf({ slices: 30, header: { imageOrientationPatient } });
    expect(uidsOf(orderSlices([...series].reverse()).slices.map(({ instance }) => instance))).toEqual(uidsOf(series));
  });

  it('measures along the normal of a tilted gantry, not along the table', () => {
    const tilt = (20 * Math.PI) / 180;
    const series = seriesOf({
      slices: 30,
      spacingMm: 2,
      header: { imageOrientationPatient: [1, 0, 0, 0, Math.cos(tilt), Math.sin(tilt)] },
    });
    expect(orderSlices(series).spacingMm).toBeCloseTo(2 * Math.cos(tilt), 3);
  });

  it('finds the hole that one removed slice leaves, and none at the ends', () => {
    const series = seriesOf({ slices: 50, spacingMm: 1.25 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 49 }), (removed) => {
        const { gaps } = orderSlices(series.filter((_, index) => index !== removed));
        expect(gaps).toEqual(
          removed === 0 || removed === 49 ? [] : [{ afterSliceIndex: removed - 1, missingSlices: 1 }],
        );
      }),
    );
  });

  it('counts every missing slice of every hole, with positions written in few digits', () => {
    const rounded = seriesOf({ slices: 200, spacingMm: 0.625 }).map((instance) => {
      const [x, y, z] = instance.header.imagePositionPatientMm!;
      return {
        ...instance,
        header: {
          ...instance.header,
          imagePositionPatientMm: [x, y, Number(z.toFixed(1))] as [number, number, number],
        },
      };
    });
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 198 }), { minLength: 1, maxLength: 60 }), (removed) => {
        const stack = orderSlices(rounded.filter((_, index) => !removed.includes(index)));
        expect(missingSlices(stack)).toBe(removed.length);
        expect(stack.irregularSteps).toBe(0);
        let before = 0;
        for (const { afterSliceIndex, missingSlices: missing } of stack.gaps) {
          const start = afterSliceIndex + 1 + before;
          for (let index = start; index < start + missing; index++) expect(removed).toContain(index);
          before += missing;
        }
      }),
    );
  });

  it('measures a wide hole by the spacing that the rounded positions hide', () => {
    const rounded = seriesOf({ slices: 100, spacingMm: 0.625 }).map((instance) => {
      const [x, y, z] = instance.header.imagePositionPatientMm!;
      return instanceOf({ ...instance.header, imagePositionPatientMm: [x, y, Number(z.toFixed(1))] });
    });
    expect(orderSlices(rounded.filter((_, index) => index < 30 || index >= 60)).gaps).toEqual([
      { afterSliceIndex: 29, missingSlices: 30 },
    ]);
  });

  it('keeps one slice a position, the same one whatever came first', () => {
    const series = seriesOf({ slices: 20 });
    const again = instanceOf({ ...series[7]!.header, sopInstanceUid: '1.2.3.4.99999' });
    for (const arrived of [
      [again, ...series],
      [...series, again],
    ]) {
      const stack = orderSlices(arrived);
      expect(uidsOf(stack.slices.map(({ instance }) => instance))).toEqual(uidsOf(series));
      expect(uidsOf(stack.duplicates)).toEqual(['1.2.3.4.99999']);
      expect(stack.gaps).toEqual([]);
    }
  });

  it('counts steps that are no multiple of the spacing', () => {
    const series = seriesOf({ slices: 20, spacingMm: 2 });
    const moved = series.map((instance, index) =>
      index === 10
        ? instanceOf({
            ...instance.header,
            imagePositionPatientMm: [-100, -100, instance.header.imagePositionPatientMm![2] + 0.9],
          })
        : instance,
    );
    expect(orderSlices(moved).irregularSteps).toBe(2);
  });

  it('finds the even spacing behind positions that are rounded to whole millimetres', () => {
    const rounded = (slices: number, step: (index: number) => number) =>
      seriesOf({ slices }).map((one, index) =>
        instanceOf({ ...one.header, imagePositionPatientMm: [0, 0, -Math.round(step(index))] }),
      );
    expect(orderSlices(rounded(48, (index) => 3.25 * index))).toMatchObject({
      spacingMm: 3.251,
      gaps: [],
      irregularSteps: 0,
    });
    // Two different spacings, one after the other, are not even.
    expect(orderSlices(rounded(48, (index) => 3 * index + Math.max(0, index - 24))).irregularSteps).toBe(23);
  });

  /** Slices so many millimetres below one another, the first at `topMm`. */
  const stepped = (steps: readonly number[], topMm: number) => {
    const positions = steps.reduce<number[]>((all, step) => [...all, all.at(-1)! - step], [topMm]);
    return orderSlices(
      seriesOf({ slices: positions.length }).map((one, index) =>
        instanceOf({ ...one.header, imagePositionPatientMm: [0, 0, positions[index]!] }),
      ),
    );
  };

  it.each([
    // A fifth of the spacing of 5 mm is 1 mm.
    [11, 0],
    [11.5, 1],
    [9, 0],
    [8.5, 1],
  ])('a step of %d mm among steps of 5 mm is a hole of one slice, %i irregular', (step, irregularSteps) => {
    expect(stepped([5, 5, 5, step, 5, 5, 5], 0.5)).toMatchObject({
      spacingMm: 5,
      gaps: [{ afterSliceIndex: 3, missingSlices: 1 }],
      irregularSteps,
    });
  });

  it.each([
    // They lie 1.25 mm apart about their line, whose slope is 63/28.
    [[2, 3, 2, 2, 3, 1], 0, 2.25],
    [[2, 3, 2, 2, 3, 1, 1], 4, 2],
    // 3.3 mm, rounded: 139.5/42.
    [[3, 4, 3, 3, 4, 3, 3], 0, 3.321],
  ])('whole millimetres %j about a line are even up to 1.25 mm: %i irregular', (steps, irregularSteps, spacingMm) => {
    expect(stepped(steps, 40)).toMatchObject({ irregularSteps, spacingMm });
    // Half a millimetre more: nothing is rounded to whole ones.
    expect(stepped(steps, 40.5).irregularSteps).toBeGreaterThan(1);
  });

  it.each([
    [[3], 3, 0],
    // The mean of those that are like the middle one, to the micrometre.
    [[5, 5, 5.6], 5.2, 0],
    [[5, 5.001, 5.001], 5.001, 0],
    // Of an even number the lower of the two in the middle.
    [[2, 2, 5, 5], 2, 2],
    [[2, 2, 2, 5, 5, 5, 5], 5, 3],
  ])('steps of %j mm have a spacing of %d mm, %i irregular', (steps, spacingMm, irregularSteps) => {
    expect(stepped(steps, 0.5)).toMatchObject({ spacingMm, irregularSteps });
  });

  it('takes no slices and one slice', () => {
    expect(orderSlices([])).toEqual({
      slices: [],
      duplicates: [],
      spacingMm: 0,
      coverageMm: 0,
      gaps: [],
      irregularSteps: 0,
    });
    expect(orderSlices(seriesOf({ slices: 1 }))).toMatchObject({
      slices: [{ positionMm: 50 }],
      spacingMm: 0,
      coverageMm: 0,
      gaps: [],
    });
  });
});

describe('alternatingSteps', () => {
  const stackAt = (positionOf: (index: number) => number, slices = 40) =>
    orderSlices(
      seriesOf({ slices }).map((one, index) =>
        instanceOf({ ...one.header, imagePositionPatientMm: [0, 0, -positionOf(index)] }),
      ),
    );
  /** Steps of two stacks of 2 mm, of which the second lies `shiftMm` lower. */
  const shifted = (shiftMm: number) => (index: number) => 2 * (index >> 1) + (index % 2) * shiftMm;

  it.each<[string, (index: number) => number, [number, number] | null]>([
    ['a quarter of a step', shifted(0.5), [0.5, 1.5]],
    ['more than half a step', shifted(1.4), [0.6, 1.4]],
    ['a third, where the others look like holes', shifted(2 / 3), [0.667, 1.333]],
    ['exactly half a step', shifted(1), null],
    ['about half a step, as rounding makes it', shifted(1.05), null],
    ['one stack', (index) => 2 * index, null],
    ['one stack, written in whole millimetres', (index) => Math.round(3.5 * index), null],
    ['one stack with a hole', (index) => 2 * index + (index > 20 ? 2 : 0), null],
    ['every third step longer', (index) => index + Math.floor(index / 3), null],
    ['two stacks over the upper half only', (index) => (index < 20 ? shifted(0.5)(index) : 2 * (index - 10)), null],
  ])('%s', (_what, positionOf, expected) => {
    expect(alternatingSteps(stackAt(positionOf))).toEqual(expected);
  });

  it.each([4, 5, 41, 42, 43])('are seen in %i slices, too', (slices) => {
    expect(alternatingSteps(stackAt(shifted(0.5), slices))).toEqual([0.5, 1.5]);
  });

  it('takes none for few slices', () => {
    for (const slices of [0, 1, 2, 3]) expect(alternatingSteps(stackAt(shifted(0.5), slices)), `${slices}`).toBeNull();
  });
});
