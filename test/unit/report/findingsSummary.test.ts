import { expect, test } from 'vitest';
import {
  coverageSentence,
  findingsSummary,
  scoreSentence,
  stateSentence,
} from '../../../src/report/findingsSummary.ts';
import type { Findings } from '../../../src/case/case.ts';
import { scoreTexts } from '../../../src/case/scoreTexts.ts';
import { makeStudy, notAnalysed, notSuspected, suspected } from './reportFixture.ts';

test('each decision is said in the fixed words, a scored one with its score and threshold', async () => {
  const study = await makeStudy({}, { slices: 12 });
  expect(findingsSummary(suspected(study.claim))).toBe(
    'AI flag: possible fracture. Review now. Not a diagnosis. AI score 0.91; flagged from 0.42 (threshold version 7).',
  );
  expect(findingsSummary(notSuspected(study.claim))).toBe(
    'AI did not flag this scan - read as usual. AI score 0.04; flagged from 0.42 (threshold version 7).',
  );
  await study.remove();
});

test('a case that was not analysed says why, and never a number of its own', () => {
  expect(findingsSummary(notAnalysed('No thin axial CT series.', 'no-axial'))).toBe(
    'Not analysed: No thin axial CT series - read as usual',
  );
  const outside = {
    ...notAnalysed('bone unlike any trained on', 'outside-domain'),
    probability: 0.9,
    threshold: { value: 0.4, version: 1 },
  };
  expect(findingsSummary(outside)).toBe(
    'Outside tested range (bone unlike any trained on) - not scored. Read as usual',
  );
  // As the inference stage words it.
  const worded = 'Outside tested range (bone unlike any trained on) - not scored. Read as usual';
  expect(stateSentence({ ...outside, reason: worded })).toBe(worded);
  expect(stateSentence({ ...outside, reason: null, reasonCode: null })).toBe(
    'Not analysed: reason unknown - read as usual',
  );
});

test('a score just under the threshold never looks like the threshold, and none looks certain', () => {
  expect(scoreTexts(0.4199, 0.42)).toEqual({ score: '0.4199', threshold: '0.4200' });
  expect(scoreTexts(0.42, 0.42)).toEqual({ score: '0.42', threshold: '0.42' });
  expect(scoreTexts(0.9999, 0.42)).toEqual({ score: '> 0.99', threshold: '0.42' });
  expect(scoreTexts(0.0001, 0.42)).toEqual({ score: '< 0.01', threshold: '0.42' });
});

test('a part of a scan is never said to be an unflagged scan', async () => {
  const study = await makeStudy({}, { slices: 12 });
  const part = { reasonCode: 'partial', reason: '27 of 48 slices came' };
  expect(stateSentence({ ...notSuspected(study.claim), ...part })).toBe(
    'Not analysed whole: only 27 of 48 slices came, no flag in them - read as usual',
  );
  expect(stateSentence({ ...suspected(study.claim), ...part })).toBe(
    'AI flag: possible fracture. Review now. Not a diagnosis. Only 27 of 48 slices came.',
  );
  const coverage = {
    slices: 27,
    extentMm: 87.6,
    levels: ['C1', 'C2', 'C4'] as const,
    remarks: ['27 of 48 slices came'],
  };
  expect(
    coverageSentence({ ...notSuspected(study.claim), coverage: { ...coverage, levels: [...coverage.levels] } }),
  ).toBe('Seen: 27 slices over 88 mm, C1 to C4. 27 of 48 slices came.');
  expect(coverageSentence(notSuspected(study.claim))).toBeNull();
  await study.remove();
});

test.each([
  [[], [], 'Seen: 27 slices over 88 mm.'],
  [['C3'], [], 'Seen: 27 slices over 88 mm, C3.'],
  [['C3', 'C4'], [], 'Seen: 27 slices over 88 mm, C3 to C4.'],
  [
    ['C2', 'C3', 'C7'],
    ['cut at the skull', 'one slice is missing'],
    'Seen: 27 slices over 88 mm, C2 to C7. Cut at the skull. One slice is missing.',
  ],
] as const)('of vertebrae %j and remarks %j it is said: %s', (levels, remarks, sentence) => {
  const coverage = { slices: 27, extentMm: 87.6, levels: [...levels], remarks: [...remarks] };
  expect(coverageSentence({ ...notAnalysed('why', 'no-axial'), coverage })).toBe(sentence);
});

test.each<[string, Partial<Findings>, string | null]>([
  ['scored', {}, 'AI score 0.91; flagged from 0.42 (threshold version 7).'],
  ['not analysed', { decision: 'not-analysed' }, null],
  ['without a score', { probability: null }, null],
  ['without a threshold', { threshold: null }, null],
])('the score of a case that is %s', (_, over, sentence) => {
  const findings: Findings = {
    ...notAnalysed('why', 'no-axial'),
    decision: 'suspected',
    probability: 0.913,
    threshold: { value: 0.42, version: 7 },
    ...over,
  };
  expect(scoreSentence(findings)).toBe(sentence);
});
