import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Findings } from '../../../src/case/case.ts';
import { cardElements, keyImagePlace, triageCard, type TriageCardInput } from '../../../src/report/triageCard.ts';
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
  const { rgb, rows, columns } = triageCard(input(suspected(study.claim)));
  expect([rows, columns, rgb.length]).toEqual([768, 1024, 768 * 1024 * 3]);
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

/** What stands on the card, in the order of drawing: rectangles and paths with their fill, words with place, size and style. */
function layout(card: TriageCardInput): string[] {
  return [...cardElements(card).matchAll(/<(rect|path|circle|g|text)([^>]*)>(?:([^<]*)<\/text>)?/g)].map(
    ([, shape, written, words]) => {
      const of = (name: string): string | undefined => new RegExp(` ${name}="([^"]*)"`).exec(written!)?.[1];
      const line = [of('stroke'), of('stroke-width'), of('stroke-dasharray')].filter((part) => part !== undefined);
      const placed = (...names: string[]): string => names.map((name) => of(name) ?? '0').join(' ');
      const drawn = [of('fill') ?? 'none', ...line].join(' ');
      if (shape === 'text')
        return `${placed('x', 'y', 'font-size')} ${of('text-anchor')} ${of('fill')}${of('font-weight') ? ' bold' : ''}: ${words}`;
      if (shape === 'g') return of('transform')!;
      const place = { rect: ['x', 'y', 'width', 'height'], circle: ['cx', 'cy', 'r'], path: ['d'] }[shape!]!;
      return `${shape} ${placed(...place)} ${drawn}`;
    },
  );
}

/** Eight slices, a hole after the fourth, the third and the sixth flagged; the better one comes first. */
const SCORES = [0, 0.25, 0.5, 0.125, 1, 0.75, 0.005, 0.1];
function eightSlices(over: Partial<Findings> = {}, score: Partial<TriageCardInput> = {}): TriageCardInput {
  const flagged = suspected(study.claim);
  const { manifest } = study.claim.record;
  return {
    ...input({
      ...flagged,
      probability: 0.75,
      threshold: { value: 0.25, version: 7 },
      slices: SCORES.map((one, index) => ({ ...flagged.slices[index]!, score: one })),
      keySlices: [5, 2].map((sliceIndex, index) => ({ ...flagged.keySlices[index]!, sliceIndex })),
      ...over,
    }),
    manifest: { ...manifest!, gaps: [{ afterSliceIndex: 3, missingSlices: 2 }] },
    ...score,
  };
}
const [FLAG, WORDS, MUTED, RAISED] = ['#FDBF52', '#E6EAF0', '#A3ADBA', '#1F2630'];

test('everything on a flagged card stands in its place', () => {
  expect(layout(eightSlices())).toEqual([
    'rect 0 0 1024 768 #0E1116',
    `rect 0 0 1024 64 ${RAISED}`,
    `48.0 42.0 26 start ${WORDS} bold: NOT FOR DIAGNOSTIC USE`,
    `976.0 42.0 20 end ${MUTED}: Odontoid \u00b7 cervical spine CT triage`,
    // A triangle 70 high and 80 wide around (84, 160), an exclamation mark in it.
    `path M84 122 L124 192 L44 192 Z ${FLAG}`,
    '84.0 184.0 44 middle #0E1116 bold: !',
    // Two lines of 34 px and 44.2 apart, in the middle of 160 + 34 / 3; the finding on a third.
    `152.0 149.2 34 start ${FLAG} bold: AI flag: possible fracture. Review now.`,
    `152.0 193.4 34 start ${FLAG} bold: Not a diagnosis.`,
    `152.0 237.6 26 start ${WORDS} bold: C5-C6, series 3 image 41`,
    'translate(0 0)',
    `48.0 282.0 20 start ${MUTED}: AI score`,
    `152.0 284.0 34 start ${WORDS} bold: 0.75`,
    // 928 pixels are 1: three quarters of them, the threshold at 48 + 232.
    `rect 48 300 928 26 ${RAISED}`,
    `rect 48 300 696.0 26 ${FLAG}`,
    `rect 278.0 292 4 42 ${WORDS} #0E1116 1`,
    `278.0 358.0 18 start ${WORDS}: flagged from 0.25 (threshold version 7)`,
    `48.0 358.0 18 start ${MUTED}: 0`,
    `976.0 358.0 18 end ${MUTED}: 1`,
    `rect 0 0 3 6 ${MUTED}`,
    `48.0 416.0 20 start ${MUTED}: Scores over 8 slices, head on the left (hatched: slices missing)`,
    `rect 48 430 928 120 ${RAISED}`,
    // 116 wide with a pixel between them, 120 high where the score is 1, never lower than a pixel.
    'rect 48.00 549.0 115.00 1.0 #84C8FF',
    'rect 164.00 520.0 115.00 30.0 #84C8FF',
    `rect 280.00 490.0 115.00 60.0 ${FLAG}`,
    'rect 396.00 535.0 115.00 15.0 #84C8FF',
    'rect 512.00 430.0 115.00 120.0 #84C8FF',
    `rect 628.00 460.0 115.00 90.0 ${FLAG}`,
    'rect 744.00 549.0 115.00 1.0 #84C8FF',
    'rect 860.00 538.0 115.00 12.0 #84C8FF',
    // Between the fourth and the fifth, at 48 + 4 * 116.
    'rect 507.0 430 10 120 url(#hatch)',
    // Below the middle of the third and the sixth.
    `path M338.0 554 l7 12 h-14 Z ${FLAG}`,
    `path M686.0 554 l7 12 h-14 Z ${FLAG}`,
    'path M48 550 h928 none #7A8594',
    `48.0 594.0 18 start ${WORDS}: Key slices, counted from the head: 3, 6`,
    'path M48 640 h928 none #7A8594',
    `48.0 674.0 19 start ${WORDS}: Research software. Not a diagnosis. A scan without a flag can still show a fracture:`,
    `48.0 701.0 19 start ${WORDS}: read every scan as usual.`,
    `48.0 738.0 15 start ${MUTED}: Odontoid 0.1.0, network compact 1.0.0 (0123456789ab), 2026-11-23 12:30, report 3`,
  ]);
});

test('a key image makes room for itself: what stands below the state moves down by 464', () => {
  const keyImage = { rgb: new Uint8Array(440 * 928 * 3), rows: 440, columns: 928 };
  const [without, withOne] = [layout(eightSlices()), layout(eightSlices({}, { keyImage }))];
  expect(withOne.slice(0, 1)).toEqual(['rect 0 0 1024 1232 #0E1116']);
  expect(withOne[9]).toBe('translate(0 464)');
  expect(withOne.filter((_, at) => at !== 0 && at !== 9)).toEqual(without.filter((_, at) => at !== 0 && at !== 9));
});

test('the pixels of the key image are the card’s from row 252 and column 48 on', () => {
  const rgb = Uint8Array.from({ length: 440 * 928 * 3 }, (_, at) => (at % 251) + 1);
  const card = triageCard(eightSlices({}, { keyImage: { rgb, rows: 440, columns: 928 } }));
  expect([card.rows, card.columns, card.rgb.length]).toEqual([1232, 1024, 1232 * 1024 * 3]);
  const at = (row: number, column: number): number[] => [
    ...card.rgb.subarray((row * 1024 + column) * 3, (row * 1024 + column) * 3 + 3),
  ];
  for (const [row, column] of [
    [0, 0],
    [0, 927],
    [439, 0],
    [439, 927],
    [217, 300],
  ] as const)
    expect(at(252 + row, 48 + column)).toEqual([
      ...rgb.subarray((row * 928 + column) * 3, (row * 928 + column) * 3 + 3),
    ]);
  const ground = [0x0e, 0x11, 0x16];
  expect([at(251, 400), at(300, 47), at(300, 976), at(692, 400)]).toEqual([ground, ground, ground, ground]);
});

test.each([
  [1232, 1024, { top: 252, left: 48 }],
  [768, 1024, null],
  [1232, 1023, null],
  [1231, 1024, null],
])('on a card of %d x %d the key image lies at %j', (rows, columns, place) => {
  expect(keyImagePlace({ rows, columns })).toEqual(place);
});

// 48 + 928 times the threshold; near an end the words lie on the other side, and give way to the 0 or the 1 there.
test.each<[number, string, string[]]>([
  [0.08, '120.2 358.0 18 start', ['1']],
  [0.09, '129.5 358.0 18 start', ['0', '1']],
  [0.7, '695.6 358.0 18 start', ['0', '1']],
  [0.71, '708.9 358.0 18 end', ['0', '1']],
  [0.91, '894.5 358.0 18 end', ['0', '1']],
  [0.92, '903.8 358.0 18 end', ['0']],
])('the words of a threshold of %d stand beside its mark', (value, place, ends) => {
  const lines = layout(eightSlices({ threshold: { value, version: 7 } }));
  expect(lines.find((line) => line.includes('flagged from'))).toMatch(new RegExp(`^${place} `));
  expect(lines.filter((line) => / 358\.0 18 .*: [01]$/.test(line)).map((line) => line.at(-1))).toEqual(ends);
});

test.each<[string, Partial<Findings>, string[]]>([
  [
    'not flagged',
    { decision: 'not-suspected', keySlices: [] },
    [
      `circle 84 160 32 none ${MUTED} 5`,
      `152.0 171.3 34 start ${WORDS} bold: AI did not flag this scan - read as usual`,
    ],
  ],
  [
    'outside the tested range',
    { decision: 'not-analysed', reasonCode: 'outside-domain', reason: 'this looks like a head', keySlices: [] },
    [
      'rect 52 128 64 64 none #B38DFF 5 10 7',
      // 26 px, 33.8 apart: more than sixty characters.
      '152.0 151.8 26 start #B38DFF bold: Outside tested range (this looks like a head) - not',
      '152.0 185.6 26 start #B38DFF bold: scored. Read as usual',
    ],
  ],
  [
    'not analysed, in sixty characters',
    { decision: 'not-analysed', reasonCode: 'no-axial', reason: 'five words have thirty letters', keySlices: [] },
    [
      'rect 52 128 64 64 none #FF9188 5 10 7',
      '152.0 149.2 34 start #FF9188 bold: Not analysed: five words have thirty',
      '152.0 193.4 34 start #FF9188 bold: letters - read as usual',
    ],
  ],
  [
    'not analysed, in one character more',
    { decision: 'not-analysed', reasonCode: 'no-axial', reason: 'five words have thirty letters2', keySlices: [] },
    [
      'rect 52 128 64 64 none #FF9188 5 10 7',
      '152.0 151.8 26 start #FF9188 bold: Not analysed: five words have thirty letters2 - read',
      '152.0 185.6 26 start #FF9188 bold: as usual',
    ],
  ],
  [
    'not analysed, for a long reason',
    {
      decision: 'not-analysed',
      reasonCode: 'no-axial',
      reason: `one ${'two three four five six seven eight nine ten '.repeat(3)}eleven`,
      keySlices: [],
    },
    [
      'rect 52 128 64 64 none #FF9188 5 10 7',
      // The second of four lines is in the middle, so that the last does not reach the score.
      '152.0 134.9 26 start #FF9188 bold: Not analysed: one two three four five six seven eight',
      '152.0 168.7 26 start #FF9188 bold: nine ten two three four five six seven eight nine ten',
      '152.0 202.5 26 start #FF9188 bold: two three four five six seven eight nine ten eleven -',
      '152.0 236.3 26 start #FF9188 bold: read as usual',
    ],
  ],
])('a scan that is %s has a shape and words of its own, and no name of a slice', (_, over, expected) => {
  const lines = layout(eightSlices(over));
  expect(lines.slice(4, lines.indexOf('translate(0 0)'))).toEqual(expected);
});

test.each<[string, Partial<Findings>, number]>([
  ['flagged', {}, 8],
  ['not flagged', { decision: 'not-suspected' }, 8],
  ['not analysed', { decision: 'not-analysed', reason: 'why', reasonCode: 'no-axial' }, 0],
  ['flagged without scores of slices', { slices: [] }, 0],
])('a scan that is %s: as many bars as slices were judged', (_, over, count) => {
  const bars = (card: TriageCardInput) => layout(card).filter((line) => /^rect .* 115\.00 /.test(line));
  expect(bars(eightSlices(over))).toHaveLength(count);
  expect(bars(eightSlices(over, { locations: false }))).toEqual([]);
  expect(bars(eightSlices(over, { manifest: null }))).toEqual([]);
});

test.each<[string, Partial<Findings>]>([
  ['was not analysed', { decision: 'not-analysed', reason: 'why', reasonCode: 'no-axial' }],
  ['has no score', { probability: null }],
  ['has no threshold', { threshold: null }],
])('a scan that %s has no bar of a score', (_, over) => {
  expect(wordsOf(eightSlices(over))).not.toMatch(/AI score|flagged from/);
});

test('the score of a scan that is not flagged is not in the colour of a flag', () => {
  const lines = layout(eightSlices({ decision: 'not-suspected' }));
  expect(lines).toContain(`rect 48 300 696.0 26 ${MUTED}`);
});

// 928 pixels over so many slices; from four pixels on there is one between two.
test.each([
  [186, '3.99'],
  [232, '4.00'],
  [464, '2.00'],
  [2320, '0.50'],
])('of %d slices each bar is %s wide', (count, width) => {
  const [slice] = suspected(study.claim).slices;
  const lines = layout(eightSlices({ slices: Array.from({ length: count }, () => ({ ...slice!, score: 0.5 })) }));
  expect(lines.filter((line) => line.includes(` 490.0 ${width} 60.0 `))).toHaveLength(count);
});

test('a series without a hole does not speak of one, and one without a key slice of none', () => {
  const { gaps, ...whole } = eightSlices().manifest!;
  const words = wordsOf(eightSlices({ keySlices: [] }, { manifest: { ...whole, gaps: gaps.slice(1) } }));
  expect(words).toContain('Scores over 8 slices, head on the left ');
  expect(words).not.toMatch(/hatched|Key slices/);
});

test('how much was seen stands above the footer, on two lines where it is long', () => {
  const coverage = { slices: 27, extentMm: 80.6, levels: ['C2' as const], remarks: ['27 of 48 slices came'] };
  const seen = (remarks: string[]) =>
    layout(eightSlices({ coverage: { ...coverage, remarks } })).filter((line) => / (613|632|651)\.0 15 /.test(line));
  expect(seen(['27 of 48 slices came'])).toEqual([
    `48.0 613.0 15 start ${WORDS}: Seen: 27 slices over 81 mm, C2. 27 of 48 slices came.`,
  ]);
  // 106 characters on a line.
  expect(seen(['word '.repeat(40).trim()])).toEqual([
    `48.0 613.0 15 start ${WORDS}: Seen: 27 slices over 81 mm, C2. Word${' word'.repeat(14)}`,
    `48.0 632.0 15 start ${WORDS}: ${'word '.repeat(20)}word\u2026`,
  ]);
});

test('a network with a long name is cut in the footer, not written over its edge', () => {
  const { model } = suspected(study.claim);
  const [line, ...more] = layout(eightSlices({ model: { ...model, name: 'n'.repeat(40) } })).filter((one) =>
    one.includes(' 738.0 15 '),
  );
  expect(more).toEqual([]);
  // 106 characters have room, and "report 3" has none.
  expect(line!.split('#A3ADBA: ')[1]).toBe(
    `Odontoid 0.1.0, network ${'n'.repeat(40)} 1.0.0 (0123456789ab), 2026-11-23 12:30,\u2026`,
  );
});

test('a reason without end takes five lines of a card', () => {
  const reason = 'word '.repeat(90).trim();
  const lines = layout(eightSlices({ decision: 'not-analysed', reasonCode: 'x', reason, keySlices: [] }));
  const said = lines.slice(5, lines.indexOf('translate(0 0)'));
  expect([said.length, said.at(-1)!.endsWith('\u2026')]).toEqual([5, true]);
});
