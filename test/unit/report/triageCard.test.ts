import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Findings } from '../../../src/case/case.ts';
import { cardElements, triageCard, type TriageCardInput } from '../../../src/report/triageCard.ts';
import { asEnhancedCt, makeStudy, notAnalysed, notSuspected, suspected, type Study } from './reportFixture.ts';

let study: Study;
beforeAll(async () => {
  study = await makeStudy();
});
afterAll(() => study.remove());

function input(findings: Findings, locations = true): TriageCardInput {
  return {
    findings,
    manifest: study.claim.record.manifest,
    revision: 3,
    analysedAt: { date: '20261123', time: '123015.250000' },
    softwareVersion: '0.1.0',
    locations,
    keyImage: null,
  };
}

const wordsOf = (card: TriageCardInput): string =>
  [...cardElements(card).matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words).join(' ');

test('every card says what it is not, who judged and that the scan is to be read', () => {
  for (const findings of [
    suspected(study.claim),
    notSuspected(study.claim),
    notAnalysed('no thin axial series', 'no-axial'),
  ]) {
    const words = wordsOf(input(findings));
    expect(words).toContain('NOT FOR DIAGNOSTIC USE');
    expect(words).toContain('network compact 1.0.0 (0123456789ab), 2026-11-23 12:30, report 3');
    expect(words).toContain('read every scan as usual');
    expect(words).not.toMatch(/\b(negative|normal|clear|safe|rule out|confidence)\b/i);
    expect(words).not.toMatch(/Doe|Jane|P-1|ACC-1/);
  }
});

test('the state stands in the fixed words, the score beside its threshold', () => {
  expect(wordsOf(input(suspected(study.claim)))).toContain('AI flag: possible fracture. Review now. Not a diagnosis.');
  expect(wordsOf(input(suspected(study.claim)))).toContain('C5-C6, series 3 image 41');
  expect(wordsOf(input(suspected(study.claim), false))).not.toContain('C5-C6');
  expect(wordsOf(input(suspected(study.claim)))).toContain('0.91');
  expect(wordsOf(input(notSuspected(study.claim)))).toContain('AI did not flag this scan - read as usual');
  const notScored = wordsOf(
    input({
      ...notAnalysed('no thin axial series', 'no-axial'),
      probability: 0.77,
      threshold: { value: 0.42, version: 1 },
    }),
  );
  expect(notScored).toContain('Not analysed: no thin axial series - read as usual');
  expect(notScored).not.toContain('0.77');
});

test('key slices that are frames are named as frames', async () => {
  expect(wordsOf(input(suspected(study.claim)))).toContain('Key slices, counted from the head: 10, 12');
  expect(wordsOf(input(suspected(await asEnhancedCt(study))))).toContain(
    'Key slices, counted from the head: 10 (frame 15), 12 (frame 13)',
  );
});

test('the bar is as long as the score', () => {
  const { rgb, columns } = triageCard(input(suspected(study.claim)));
  const amber = Array.from({ length: columns }, (_, column) =>
    rgb.subarray((304 * columns + column) * 3, (304 * columns + column) * 3 + 3),
  ).filter(([r, g, b]) => r === 0xfd && g === 0xbf && b === 0x52);
  // 928 pixels are 1; the threshold's mark covers six of them.
  expect(Math.abs(amber.length - (0.913 * 928 - 6))).toBeLessThanOrEqual(4);
});

test('text is really drawn: a reason changes pixels where it stands', () => {
  const [a, b] = ['no thin axial series', 'too many slices'].map(
    (reason) => triageCard(input(notAnalysed(reason, 'x'))).rgb,
  );
  const lit = (rgb: Uint8Array): number =>
    rgb.subarray(100 * 1024 * 3, 240 * 1024 * 3).filter((channel) => channel > 200).length;
  expect(lit(a!)).toBeGreaterThan(2_000);
  expect(Buffer.from(a!).equals(Buffer.from(b!))).toBe(false);
});

test('in triage-only mode the card has no slice in it', () => {
  expect(wordsOf(input(suspected(study.claim)))).toContain('Key slices, counted from the head: 10, 12');
  expect(wordsOf(input(suspected(study.claim), false))).not.toMatch(/slice/i);
});

test('a reason cannot draw: markup stays text', () => {
  const card = cardElements(input(notAnalysed('</text><rect width="9999"/> & "more"\u0007', 'x')));
  expect(card).not.toContain('<rect width="9999"');
  expect(() => triageCard(input(notAnalysed('</text><rect width="9999"/> & "more"\u0007', 'x')))).not.toThrow();
});
