import { describe, expect, it } from 'vitest';
import {
  advantageOf,
  hasBoneKernel,
  preferSeries,
  rankSeries,
  refusalOnArrival,
} from '../../../src/assemble/seriesRank.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { SeriesFacts } from '../../../src/assemble/seriesRules.ts';
import { orderSlices } from '../../../src/assemble/sliceOrder.ts';
import { instanceOf, seriesOf } from './syntheticStudy.ts';
import type { SeriesOptions } from './syntheticStudy.ts';

function factsOf(options: SeriesOptions): SeriesFacts {
  const instances = seriesOf(options);
  return { instances, stack: orderSlices(instances) };
}

describe('hasBoneKernel', () => {
  it.each([
    'BONE',
    'BONEPLUS',
    'EDGE',
    'H60s',
    'H70h',
    'B60f',
    'B70s',
    'I70f',
    'Br60f\\3',
    'Br64d',
    'Hr59',
    'Ur77',
    'FC30',
    'FC81',
    'YD',
    'YE',
    'D',
  ])('takes %s for one', (convolutionKernel) => {
    expect(hasBoneKernel(instanceOf({ convolutionKernel }).header)).toBe(true);
  });
  it.each(['', 'STANDARD', 'SOFT', 'DETAIL', 'H31s', 'B30f', 'Br40d\\3', 'FC08', 'FC13', 'B', 'A', 'YA'])(
    'takes %s for none',
    (convolutionKernel) => {
      expect(hasBoneKernel(instanceOf({ convolutionKernel }).header)).toBe(false);
    },
  );
  it('reads the description too', () => {
    expect(hasBoneKernel(instanceOf({ seriesDescription: 'Knochen 1.0' }).header)).toBe(true);
  });
});

describe('rankSeries', () => {
  const bone = { convolutionKernel: 'B70f' };
  const neck = { seriesDescription: 'C-Spine' };
  it.each<[string, SeriesOptions, SeriesOptions]>([
    [
      'it does not say that it shows another region',
      { spacingMm: 3, slices: 60 },
      { header: { ...bone, seriesDescription: 'Head' } },
    ],
    ['a plain reconstruction', { spacingMm: 3, slices: 60 }, { header: { ...bone, ...neck, kiloElectronvolt: 70 } }],
    ['it says that it shows the neck', { spacingMm: 3, slices: 60, header: neck }, { header: bone }],
    ['thinner slices', { spacingMm: 1 }, { spacingMm: 2, header: bone }],
    ['thinner slices', { spacingMm: 0.6, slices: 300 }, { spacingMm: 0.3, slices: 600 }],
    ['bone kernel', { spacingMm: 1.25, header: bone }, { spacingMm: 0.6, slices: 240 }],
    [
      'slices closer together',
      { slices: 240, spacingMm: 1, header: { sliceThicknessMm: 1 } },
      { slices: 80, spacingMm: 3, header: { sliceThicknessMm: 1 } },
    ],
    // In steps of 40 mm, up to 240 mm.
    ['more coverage', { slices: 200 }, { slices: 199 }],
    ['more slices', { slices: 239 }, { slices: 200 }],
    ['more coverage', { slices: 240 }, { slices: 239 }],
    ['more slices', { slices: 290 }, { slices: 240 }],
    ['more slices', { slices: 600, spacingMm: 0.5 }, { slices: 300, spacingMm: 1 }],
    ['alike in every respect, taken by its UID', { series: 3 }, { series: 5 }],
  ])('%s', (advantage, better, worse) => {
    const winner = factsOf({ series: 4, ...better });
    const loser = factsOf({ series: 5, ...worse });
    expect(rankSeries([loser, winner])).toEqual([winner, loser]);
    expect(rankSeries([winner, loser])).toEqual([winner, loser]);
    expect(advantageOf(winner, loser)).toBe(advantage);
  });

  it('counts no coverage beyond the neck and its neighbours', () => {
    const wholeBody = factsOf({ series: 4, slices: 1_200 });
    const neckOnly = factsOf({ series: 5, slices: 400, spacingMm: 0.6 });
    const sharper = factsOf({ series: 6, slices: 400, spacingMm: 0.6, header: bone });
    expect(rankSeries([wholeBody, neckOnly, sharper])).toEqual([sharper, wholeBody, neckOnly]);
  });
});

describe('series that are alike', () => {
  it('of which one has a hole: the other is taken, though it has fewer slices', () => {
    const holed = seriesOf({ series: 4, slices: 119 }).filter((_, index) => index !== 60);
    const whole = factsOf({ series: 5, slices: 81 });
    const loser = { instances: holed, stack: orderSlices(holed) };
    expect(rankSeries([loser, whole])).toEqual([whole, loser]);
    expect(advantageOf(whole, loser)).toBe('fewer missing slices');
  });

  it('stand in the order of their UIDs, passes, and first slices', () => {
    const stack = (series: number, acquisitionNumber: number | null, prefix = '') =>
      factsOf({ series, slices: 30, header: { acquisitionNumber } }).instances.map(({ header }) =>
        instanceOf({ ...header, sopInstanceUid: `${prefix}${header.sopInstanceUid}` }),
      );
    const inOrder = [stack(4, 9), stack(5, 2), stack(5, 10, '1.'), stack(5, 10, '2.'), stack(5, null)].map(
      (instances): SeriesFacts => ({ instances, stack: orderSlices(instances) }),
    );
    expect(rankSeries(inOrder.toReversed())).toEqual(inOrder);
    expect(rankSeries(inOrder)).toEqual(inOrder);
  });
});

describe('what is not encoded on arrival', () => {
  it.each<[string | null, Parameters<typeof instanceOf>[0]]>([
    [null, {}],
    [null, { seriesDescription: 'C-Spine' }],
    ['it says that it shows another region', { seriesDescription: 'Head' }],
  ])('%s: %j', (why, header) => {
    expect(refusalOnArrival(instanceOf(header).header, DEFAULT_SERIES_RULES)).toBe(why);
  });

  it('is what no series may hold', () => {
    const localizer = instanceOf({ imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] }).header;
    expect(refusalOnArrival(localizer, DEFAULT_SERIES_RULES)).toMatch(/localizer/i);
  });
});

describe('preferSeries', () => {
  it('goes by region, thickness and kernel, and leaves the rest open', () => {
    const plain = instanceOf({}).header;
    expect(preferSeries(instanceOf({ convolutionKernel: 'BONE' }).header, plain)).toBeLessThan(0);
    expect(preferSeries(instanceOf({ sliceThicknessMm: 3 }).header, plain)).toBeGreaterThan(0);
    expect(preferSeries(instanceOf({ seriesDescription: 'HWS', sliceThicknessMm: 3 }).header, plain)).toBeLessThan(0);
    expect(preferSeries(instanceOf({ seriesNumber: 9 }).header, plain)).toBe(0);
  });

  it.each([
    // Classes, the best first; within one nothing is better.
    [0.45, 1.5],
    [0.44, 0.1],
    [1.51, 2.5],
    [2.51, 5],
  ])('has slices of %d and %d mm in one class, before the next', (one, other) => {
    const of = (sliceThicknessMm: number) => instanceOf({ sliceThicknessMm }).header;
    expect(preferSeries(of(one), of(other))).toBe(0);
    const classes = [1, 0.3, 2, 3];
    const place = classes.findIndex((typical) => preferSeries(of(one), of(typical)) === 0);
    for (const [index, typical] of classes.entries())
      expect(Math.sign(preferSeries(of(one), of(typical))), `${typical} mm`).toBe(Math.sign(place - index));
  });

  it('has slices of unknown thickness behind thin ones, and before thick ones', () => {
    const of = (sliceThicknessMm: number | null) => instanceOf({ sliceThicknessMm }).header;
    expect(preferSeries(of(null), of(1))).toBeGreaterThan(0);
    expect(preferSeries(of(null), of(2))).toBeLessThan(0);
  });
});
