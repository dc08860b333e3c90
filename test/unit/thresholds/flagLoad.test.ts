import { expect, it, test } from 'vitest';
import { flagLoad } from '../../../src/thresholds/flagLoad.ts';
import { scansOf, times } from './scans.ts';

const RULE = { site: 0.5, bySource: {} };

/** For each day its number of flags, or null for a day without any scan; every day with scans has one that is not flagged. */
const site = (days: readonly (number | null)[]) =>
  scansOf(
    days.flatMap((flags, day) =>
      flags === null ? [] : [{ score: 0.49, day }, ...times(flags, () => ({ score: 0.5, day }))],
    ),
  );

test.each<[what: string, days: (number | null)[], load: object]>([
  ['a single scan that is not flagged is a day without a flag', [0], { days: 1, mean: 0, median: 0, p95: 0 }],
  ['a single day counts', [4], { days: 1, mean: 4, median: 4, p95: 4 }],
  ['two days both count', [4, 1], { days: 2, mean: 2.5, median: 2.5, p95: 4 }],
  ['of three only the middle one', [7, 2, 5], { days: 1, mean: 2, median: 2, p95: 2 }],
  ['ends with a single scan are left out too', [0, 2, 0], { days: 1, mean: 2, median: 2, p95: 2 }],
  ['a day without a scan counts as a day', [9, 2, null, 7, 9], { days: 3, mean: 3, median: 2, p95: 7 }],
  ['two such days too', [9, null, 8, null, 4, 9], { days: 4, mean: 3, median: 2, p95: 8 }],
  [
    'nineteen of twenty days are not above p95',
    [99, ...times(20, (i) => (7 * i) % 20), 99],
    { days: 20, mean: 9.5, median: 9.5, p95: 18 },
  ],
])('%s', (_what, days, load) => {
  expect(flagLoad(site(days), RULE)).toMatchObject(load);
});

it('gives the mean of each hour, and nothing without a scan', () => {
  const scans = scansOf([
    { score: 0.9, day: 0, hour: 0 },
    ...times(3, () => ({ score: 0.9, day: 0, hour: 7 })),
    { score: 0.9, day: 1, hour: 7 },
    { score: 0.4, day: 1, hour: 8 },
    { score: 0.9, day: 1, hour: 23 },
  ]);
  expect(flagLoad(scans, RULE)!.byHour).toEqual([0.5, ...times(6, () => 0), 2, ...times(15, () => 0), 0.5]);
  expect(flagLoad([], RULE)).toBeNull();
});
