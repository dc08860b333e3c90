import { describe, expect, it } from 'vitest';
import { advantageOf, hasBoneKernel, preferSeries, rankSeries } from '../../../src/assemble/seriesRank.ts';
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
    ['it says that it shows the neck', { spacingMm: 3, slices: 60, header: neck }, { header: bone }],
    ['thinner slices', { spacingMm: 1 }, { spacingMm: 2, header: bone }],
    ['thinner slices', { spacingMm: 0.6, slices: 300 }, { spacingMm: 0.3, slices: 600 }],
    ['bone kernel', { spacingMm: 1.25, header: bone }, { spacingMm: 0.6, slices: 240 }],
    [
      'slices closer together',
      { slices: 240, spacingMm: 1, header: { sliceThicknessMm: 1 } },
      { slices: 80, spacingMm: 3, header: { sliceThicknessMm: 1 } },
    ],
    ['more coverage', { slices: 200 }, { slices: 100 }],
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

describe('preferSeries', () => {
  it('goes by region, thickness and kernel, and leaves the rest open', () => {
    const plain = instanceOf({}).header;
    expect(preferSeries(instanceOf({ convolutionKernel: 'BONE' }).header, plain)).toBeLessThan(0);
    expect(preferSeries(instanceOf({ sliceThicknessMm: 3 }).header, plain)).toBeGreaterThan(0);
    expect(preferSeries(instanceOf({ seriesDescription: 'HWS', sliceThicknessMm: 3 }).header, plain)).toBeLessThan(0);
    expect(preferSeries(instanceOf({ seriesNumber: 9 }).header, plain)).toBe(0);
  });
});
