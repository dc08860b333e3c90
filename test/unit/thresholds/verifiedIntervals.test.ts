import { expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { verifiedRates } from '../../../src/thresholds/verifiedRates.ts';
import { scansOf, times, type ScanWishes } from './scans.ts';

const ratesOf = (wishes: readonly ScanWishes[]) =>
  verifiedRates(scansOf(wishes), 1, ({ score }) => (score >= 0.5 ? 1 : 0)).rules[0]!;

/** Scans of a network of this sensitivity and specificity; readers give a verdict on 8 of 10 flagged and on 1 of 10 other scans. */
function site(seed: number, count: number, truth: { prevalence: number; sensitivity: number; specificity: number }) {
  const random = seededRandom('site', seed);
  return times(count, (): ScanWishes => {
    const broken = random.chance(truth.prevalence);
    const flagged = random.chance(broken ? truth.sensitivity : 1 - truth.specificity);
    const verified = random.chance(flagged ? 0.8 : 0.1);
    return { score: flagged ? random.between(0.5, 1) : random.between(0, 0.5), fracture: verified ? broken : null };
  });
}

it('20,000 scans, 80 % of the flagged and 10 % of the others verified: 92.2 and 95.4 lie in the intervals, 98.7 and 73.0 do not', () => {
  const { sensitivity, specificity } = ratesOf(
    site(7, 20_000, { prevalence: 0.1, sensitivity: 0.922, specificity: 0.954 }),
  );
  expect(sensitivity.hits / sensitivity.total).toBeGreaterThan(0.98);
  expect(specificity.hits / specificity.total).toBeLessThan(0.75);
  expect(sensitivity.estimate!.low).toBeLessThan(0.922);
  expect(sensitivity.estimate!.high).toBeGreaterThan(0.922);
  expect(sensitivity.estimate!.high).toBeLessThan(0.987);
  expect(specificity.estimate!.low).toBeLessThan(0.954);
  expect(specificity.estimate!.high).toBeGreaterThan(0.954);
  expect(specificity.estimate!.low).toBeGreaterThan(0.73);
});

it('the intervals hold the truth about 19 times of 20', () => {
  const truth = { prevalence: 0.2, sensitivity: 0.85, specificity: 0.9 };
  const held = { sensitivity: 0, specificity: 0 };
  const sites = 100;
  for (let seed = 0; seed < sites; seed++) {
    const rates = ratesOf(site(100 + seed, 1_500, truth));
    for (const name of ['sensitivity', 'specificity'] as const) {
      const { low, high } = rates[name].estimate!;
      if (low <= truth[name] && truth[name] <= high) held[name] += 1;
    }
  }
  expect(held.sensitivity).toBeGreaterThanOrEqual(88);
  expect(held.specificity).toBeGreaterThanOrEqual(88);
});
