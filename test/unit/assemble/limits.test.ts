import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { missingParts } from '../../../src/assemble/concatenation.ts';
import { advantageOf, preferSeries, rankSeries } from '../../../src/assemble/seriesRank.ts';
import { DEFAULT_SERIES_RULES, seriesRefusal } from '../../../src/assemble/seriesRules.ts';
import { orderSlices } from '../../../src/assemble/sliceOrder.ts';
import { splitStacks } from '../../../src/assemble/stacks.ts';
import { virtualRefusal } from '../../../src/assemble/virtualImage.ts';
import type { InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { instanceOf, seriesOf, type SeriesOptions } from './syntheticStudy.ts';

/** Each limit of assembling that is a number, on both of its sides. */
const factsOf = (instances: readonly StoredInstance[]) => ({ instances, stack: orderSlices(instances) });
const seriesFacts = (options: SeriesOptions) => factsOf(seriesOf(options));

describe('limits of assembling', () => {
  it.each([
    ['better than', 0.45, 0.44],
    ['as good as', 0.45, 1.5],
    ['better than', 1.5, 1.51],
    ['as good as', 1.51, 2.5],
    ['better than', 2.5, 2.51],
    ['better than', 0.44, 1.51],
  ])('slices are %s: %d mm, %d mm', (which, one, other) => {
    const [a, b] = [one, other].map((sliceThicknessMm) => instanceOf({ sliceThicknessMm }).header);
    expect(Math.sign(preferSeries(a!, b!))).toBe(which === 'better than' ? -1 : 0);
    expect(Math.sign(preferSeries(b!, a!))).toBe(which === 'better than' ? 1 : 0);
  });

  it.each([
    [160, 159, 'more coverage'],
    [159, 120, 'more slices'],
    [240, 239, 'more coverage'],
    [320, 240, 'more slices'],
  ])('coverage counts in steps of 40 mm, up to 240: %i and %i mm', (more, less, advantage) => {
    expect(advantageOf(seriesFacts({ slices: more }), seriesFacts({ slices: less }))).toBe(advantage);
  });

  it.each([
    [1, 2, 1],
    [3, 2, 2],
    [null, 2, 2],
  ])('of passes alike in every respect the first is taken: acquisitions %s and %i', (one, other, expected) => {
    const passes = [one, other].map((acquisitionNumber, index) =>
      factsOf(
        seriesOf().map((slice) =>
          instanceOf({
            ...slice.header,
            acquisitionNumber,
            sopInstanceUid: `${slice.header.sopInstanceUid}.${9 - index}`,
          }),
        ),
      ),
    );
    expect(rankSeries(passes)[0]!.instances[0]!.header.acquisitionNumber).toBe(expected);
  });

  it.each([
    [6, undefined],
    [7, 'overlapping-stacks'],
  ])('one slice in twenty may lie where another does: %i of 120 and these', (doubled, code) => {
    const whole = seriesOf();
    const again = whole
      .slice(0, doubled)
      .map(({ header }) => instanceOf({ ...header, sopInstanceUid: `${header.sopInstanceUid}.1` }));
    expect(seriesRefusal(factsOf([...whole, ...again]), DEFAULT_SERIES_RULES)?.code).toBe(code);
  });

  it.each([
    [59, true],
    [60, false],
    [90, false],
    [91, true],
  ])('virtual images near 60 to 90 keV have the values of plain ones: %i keV', (kiloElectronvolt, isRefused) => {
    expect(virtualRefusal(instanceOf({ kiloElectronvolt }).header) !== null).toBe(isRefused);
  });

  it.each([
    [0.9, undefined],
    [1.1, 1.1],
  ])('slices sheared by one degree or more were taken with a tilted gantry: %d degrees', (degrees, stated) => {
    const shearMm = Math.tan((degrees * Math.PI) / 180);
    const study = seriesOf().map((slice, index) =>
      instanceOf({ ...slice.header, imagePositionPatientMm: [-100, -100 + index * shearMm, 50 - index] }),
    );
    const assembled = assembleStudy(study, DEFAULT_SERIES_RULES);
    expect(assembled.type === 'seriesChosen' && assembled.manifest.gantryTiltDegrees).toBe(stated);
  });

  it.each<[Partial<InstanceHeader>, Partial<InstanceHeader>, number]>([
    [{ reconstructionDiameterMm: 200 }, { reconstructionDiameterMm: 201.9 }, 1],
    [{ reconstructionDiameterMm: 200 }, { reconstructionDiameterMm: 203 }, 2],
    [{ sliceThicknessMm: 1 }, { sliceThicknessMm: 1.009 }, 1],
    [{ sliceThicknessMm: 1 }, { sliceThicknessMm: 1.02 }, 2],
  ])('sizes of one stack differ by one in a hundred at the most: %o and %o', (one, other, stacks) => {
    const study = seriesOf({ slices: 60 }).map((slice, index) =>
      instanceOf({ ...slice.header, ...(index % 2 === 0 ? one : other) }),
    );
    expect(splitStacks(study)).toHaveLength(stacks);
  });

  it.each<[number[], number | null, object | null]>([
    [[1, 2, 3], 3, null],
    [[1, 3], 3, { came: 2, stated: 3, of: 'parts' }],
    [[1, 2], null, null],
    // Nobody says how many there are, but the second is missing.
    [[1, 3], null, { came: 2, stated: 3, of: 'parts' }],
    [[2, 2, 1], 2, null],
  ])('parts of one image: %o of %s', (came, parts, expected) => {
    const images = came.map((part) => instanceOf({ concatenation: { uid: '1.2.7', part, parts } }));
    expect(missingParts(images)).toEqual(expected);
  });
});
