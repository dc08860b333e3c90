import { describe, expect, it, test } from 'vitest';
import { flipsBetween } from '../../../src/thresholds/flips.ts';
import { scansOf, type ScanWishes } from './scans.ts';

// CT1 becomes stricter, CT2 laxer.
const NOW = { site: 0.4, bySource: { CT2: 0.6 } };
const PROPOSED = { site: 0.6, bySource: { CT2: 0.4 } };
const LOST = 'CT1';
const GAINED = 'CT2';
const flips = (wishes: readonly ScanWishes[]) => flipsBetween(scansOf(wishes), NOW, PROPOSED);

it('names the scans that the two rules judge differently, with what is known of them', () => {
  expect(
    flips([
      { score: 0.39, source: LOST },
      { score: 0.6, source: LOST, fracture: true },
      { score: 0.4, source: GAINED, fracture: false, day: 2, hour: 3 },
      { score: 0.59, source: LOST, day: 4, hour: 5 },
    ]),
  ).toEqual([
    {
      studyInstanceUid: '1.2.4',
      score: 0.59,
      fracture: null,
      sourceAeTitle: LOST,
      arrivedAtMs: Date.UTC(2026, 10, 6, 5, 0, 0, 3),
      change: 'lost',
    },
    {
      studyInstanceUid: '1.2.3',
      score: 0.4,
      fracture: false,
      sourceAeTitle: GAINED,
      arrivedAtMs: Date.UTC(2026, 10, 4, 3, 0, 0, 2),
      change: 'gained',
    },
  ]);
});

describe('of two flips the first is', () => {
  test.each<[string, first: Partial<ScanWishes>, second: Partial<ScanWishes>]>([
    [
      'a fracture gained, then an open one lost',
      { fracture: true, source: GAINED, score: 0.41, day: 5 },
      { fracture: null, source: LOST, score: 0.59 },
    ],
    [
      'an open one gained, then one lost that is no fracture',
      { fracture: null, source: GAINED, score: 0.41, day: 5 },
      { fracture: false, source: LOST, score: 0.59 },
    ],
    ['the one lost', { source: LOST, score: 0.41, day: 5 }, { source: GAINED, score: 0.59 }],
    ['of those lost the higher score', { source: LOST, score: 0.5, day: 5 }, { source: LOST, score: 0.45 }],
    ['of equal scores the earlier one', { source: LOST, score: 0.5 }, { source: LOST, score: 0.5, day: 5 }],
  ])('%s', (_, first, second) => {
    const [one, other] = [
      { score: 0.5, day: 1, ...first },
      { score: 0.5, day: 1, ...second },
    ];
    expect(flips([one, other]).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2.1', '1.2.2']);
    expect(flips([other, one]).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2.2', '1.2.1']);
  });
});
