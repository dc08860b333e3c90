import { expect, it, test } from 'vitest';
import { fitToVerdicts } from '../../../src/thresholds/verdictFit.ts';
import { scansOf, times } from './scans.ts';

/** Verdicts on flagged and unflagged scans of both kinds, and five scans without one. */
const site = (fractures: number, others: number) =>
  scansOf([
    ...times(fractures, (i) => ({ score: 0.3 + i / 50, fracture: true })),
    ...times(others, (i) => ({ score: 0.2 + i / 50, fracture: false })),
    ...times(5, () => ({ score: 0.6 })),
  ]);

test.each([
  [19, 40],
  [40, 19],
])('%i fractures and %i others are too few', (fractures, others) => {
  expect(() => fitToVerdicts(site(fractures, others))).toThrow(
    `Readers have confirmed ${fractures} scans with a fracture and ${others} without one`,
  );
});

it('is content with twenty of each, and counts the known scans', () => {
  expect(fitToVerdicts(site(20, 20))).toMatchObject({ cases: 40, positives: 20 });
  expect(fitToVerdicts(site(22, 20))).toMatchObject({ cases: 42, positives: 22 });
});

it('refuses scores that say nothing', () => {
  // Each score once with and once without a fracture: a slope of 0.
  const scans = scansOf(times(80, (i) => ({ score: 0.1 + (i >> 1) / 50, fracture: i % 2 === 0 })));
  expect(() => fitToVerdicts(scans)).toThrow(/Higher scores do not mean more fractures/);
});
