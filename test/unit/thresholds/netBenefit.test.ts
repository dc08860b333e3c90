import { expect, it, test } from 'vitest';
import { netBenefit } from '../../../src/thresholds/netBenefit.ts';
import { scansOf, times } from './scans.ts';

const rule = (site: number | null) => ({ site, bySource: {} });
const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));
const logit = (probability: number): number => Math.log(probability / (1 - probability));

/** 1,000 scans: in each tenth as many fractures as the score says. `told`: the score that the network gives instead. */
const site = (told = (score: number) => score) =>
  scansOf(
    times(10, (tenth) => times(100, (i) => ({ score: told((tenth + 0.5) / 10), fracture: i < tenth * 10 + 5 }))).flat(),
  );
const NOT_CALIBRATED = { shown: false, why: 'not-calibrated' };

it('weighs a false flag by the odds of the threshold, by hand', () => {
  const shown = netBenefit(site(), rule(0.5), rule(0.2));
  if (!shown.shown) throw new Error(shown.why);
  // From 0.5: 375 fractures and 125 others of 1000. From 0.2: 480 and 320. Of all: 500 and 500.
  expect(shown.now).toBeCloseTo(0.375 - 0.125, 9);
  expect(shown.proposed).toBeCloseTo(0.48 - 0.32 / 4, 9);
  expect(shown.flagAll).toBeCloseTo(0.5 - 0.5 / 4, 9);
});

test.each([
  ['a threshold of 1', rule(1)],
  ['stopped flags', rule(null)],
])('%s weighs like one of 0.999', (_, proposed) => {
  const shown = netBenefit(site(), rule(0.5), proposed);
  if (!shown.shown) throw new Error(shown.why);
  expect(shown.proposed).toBe(0);
  // The odds are 0.999 to 0.001.
  expect(shown.flagAll).toBeCloseTo(0.5 - 0.5 * 999, 6);
});

test.each([
  ['all too high and near 1', (score: number) => score ** 0.3],
  ['too high', (score: number) => logistic(logit(score) + 0.5)],
  ['too low', (score: number) => logistic(logit(score) - 0.5)],
  ['too bold', (score: number) => logistic(logit(score) / 0.6)],
  ['too timid', (score: number) => logistic(logit(score) / 1.6)],
])('is not shown where scores are %s', (_, told) => {
  expect(netBenefit(site(told), rule(0.5), rule(0.2))).toEqual(NOT_CALIBRATED);
});

it('is not shown where a tenth of the scans only do not speak against it', () => {
  const few = site().filter((_scan, index) => index % 10 === 5);
  expect(few).toHaveLength(100);
  expect(netBenefit(few, rule(0.5), rule(0.2))).toEqual(NOT_CALIBRATED);
});

test.each([
  [10, 10, 'not-calibrated'],
  [9, 11, 'too-few'],
  [11, 9, 'too-few'],
])('%i fractures and %i others: %s', (fractures, others, why) => {
  const scans = scansOf([
    ...times(fractures, (i) => ({ score: 0.3 + i / 50, fracture: true })),
    ...times(others, (i) => ({ score: 0.2 + i / 50, fracture: false })),
  ]);
  expect(netBenefit(scans, rule(0.5), rule(0.2))).toEqual({ shown: false, why });
});
