import { describe, expect, it } from 'vitest';
import type { JudgedCase } from '../../../src/evaluate/judgedCase.ts';
import { validateCases, type Count, type Wishes } from '../../../src/evaluate/validation.ts';
import { validationHtml, validationInShort, validationTables } from '../../../src/evaluate/validationReport.ts';
import { wilsonInterval } from '../../../src/statistics/intervals.ts';
import { judgedCase } from './judgedCases.ts';

const [AERO, BEAM] = ['Aero CT 1', 'Beam Scan 2'];
/** Two scanners; patient P has two scans of one fracture, which one of the scanners misses. */
const COHORT: JudgedCase[] = [
  judgedCase('p1', true, 0.91, { patientKey: 'P', scanner: AERO, kernel: 'B70', sliceThicknessMm: 1, levels: ['C2'] }),
  judgedCase('p2', true, 0.32, { patientKey: 'P', scanner: BEAM, kernel: 'B40', sliceThicknessMm: 3, levels: ['C2'] }),
  judgedCase('p3', true, 0.83, {
    scanner: AERO,
    kernel: 'B70',
    sliceThicknessMm: 1.25,
    levels: ['C2', 'C6'],
    sex: 'M',
  }),
  judgedCase('p4', true, 0.21, { scanner: BEAM, kernel: 'B40', sliceThicknessMm: 5, ageYears: 85 }),
  judgedCase('p5', true, null, { scanner: AERO, ageYears: 40 }),
  judgedCase('n1', false, 0.74, { scanner: AERO, kernel: 'B70', sliceThicknessMm: 2, ageYears: 39.9 }),
  judgedCase('n2', false, 0.55, { scanner: AERO, kernel: 'B70', sliceThicknessMm: 2, ageYears: 40 }),
  judgedCase('n3', false, 0.13, { scanner: BEAM, kernel: 'B40', sliceThicknessMm: 3, ageYears: 65 }),
  judgedCase('n4', false, 0.24, { scanner: null, ageYears: null, sex: null }),
  judgedCase('n5', false, 0.05, { scanner: BEAM, kernel: 'B40', sliceThicknessMm: 3, ageYears: 80 }),
];
const NO_WISH: Wishes = { sensitivity: null, flagsPerDay: null, scansPerDay: null, prevalence: null };
const ask = (wishes: Partial<Wishes> = {}, cases = COHORT) =>
  validateCases({ cases, threshold: 0.6, imageThreshold: 0.5, seed: 3, wishes: { ...NO_WISH, ...wishes } });
const text = ({ hits, cases }: Count): string => `${hits}/${cases}`;

describe('validateCases', () => {
  const found = ask();

  it('counts by scanner, kernel, thickness, age, sex and level, what is not stated last', () => {
    const rows = Object.fromEntries(
      found.strata.map(({ trait, groups }) => [
        trait,
        groups.map(
          ({ name, sensitivity, specificity, analysed }) =>
            `${name}: ${text(sensitivity)}, ${text(specificity)}, ${text(analysed)}`,
        ),
      ]),
    );
    expect(rows).toEqual({
      scanner: ['Aero CT 1: 2/2, 1/2, 4/5', 'Beam Scan 2: 0/2, 2/2, 4/4', 'not stated: 0/0, 1/1, 1/1'],
      kernel: ['B40: 0/2, 2/2, 4/4', 'B70: 2/2, 1/2, 4/4', 'not stated: 0/0, 1/1, 1/2'],
      sliceThickness: [
        'up to 1 mm: 1/1, 0/0, 1/1',
        'over 1 to 2 mm: 1/1, 1/2, 3/3',
        'over 2 to 3 mm: 0/1, 2/2, 3/3',
        'over 3 mm: 0/1, 0/0, 1/1',
        'not stated: 0/0, 1/1, 1/2',
      ],
      age: [
        'under 40 years: 0/0, 0/1, 1/1',
        '40 to 64 years: 2/3, 1/1, 4/5',
        '65 to 79 years: 0/0, 1/1, 1/1',
        '80 years and over: 0/1, 1/1, 2/2',
        'not stated: 0/0, 1/1, 1/1',
      ],
      sex: ['men: 1/1, 0/0, 1/1', 'women: 1/3, 3/4, 7/8', 'not stated: 0/0, 1/1, 1/1'],
      level: ['C2: 2/3, 0/0, 3/3', 'C6: 1/1, 0/0, 1/1'],
    });
    expect([found.patients, found.positives, found.negatives]).toEqual([9, 4, 5]);
  });

  it('clusters by patient: two scans of one patient are worth less than two patients', () => {
    const scan = (id: string, patientKey: string, probability: number) =>
      judgedCase(id, true, probability, { patientKey, scanner: AERO });
    const cases = [scan('a', 'P', 0.9), scan('b', 'P', 0.8), scan('c', 'Q', 0.1), scan('d', 'R', 0.7)];
    const twoOfP = ask({}, [...cases, judgedCase('e', false, 0.2)]);
    // By hand: residuals 1/2, -3/4, 1/4; variance 3/2 · 7/8 / 16; worth 0.1875 / 0.08203 = 16/7 scans.
    const { low, high } = wilsonInterval((0.75 * 16) / 7, 16 / 7)!;
    const estimate = { value: 0.75, low: expect.closeTo(low, 9) as number, high: expect.closeTo(high, 9) as number };
    expect(twoOfP.points[0]!.sensitivity).toMatchObject({ hits: 3, cases: 4 });
    expect(twoOfP.strata[0]!.groups[0]).toMatchObject({ name: AERO, sensitivity: { share: estimate } });
    expect(twoOfP.evaluation.table3!.imbalanced.figures.tpr).toMatchObject(estimate);
    expect(low).toBeLessThan(wilsonInterval(3, 4)!.low);
  });

  it('names what was decided wrongly, the worst first', () => {
    expect([found.missed, found.falseFlags]).toEqual([['p4', 'p2'], ['n1']]);
  });

  it('finds the operating point for a wanted sensitivity, and for a number of flags a day', () => {
    const { points, unfulfilled } = ask({ sensitivity: 0.75, flagsPerDay: 12, scansPerDay: 50, prevalence: 0.1 });
    expect(
      points.map(({ why, threshold, sensitivity, specificity }) => [
        why,
        threshold,
        text(sensitivity),
        text(specificity),
      ]),
    ).toEqual([
      ['in-force', 0.6, '2/4', '4/5'],
      ['sensitivity', 0.32, '3/4', '3/5'],
      // From 0.74 on 50 · (0.1 · 2/4 + 0.9 · 1/5) = 11.5 flags; from 0.55 on 20.5.
      ['flags', 0.74, '2/4', '4/5'],
    ]);
    expect(points.map(({ flagsPerDay }) => Number(flagsPerDay!.toFixed(6)))).toEqual([11.5, 21.75, 11.5]);
    expect(unfulfilled).toEqual([]);
    expect(ask({ flagsPerDay: 1, scansPerDay: 50, prevalence: 0.9 }).unfulfilled).toEqual(['flags']);
    // The cases' own prevalence, 4 of 9, where none is said.
    expect(ask({ scansPerDay: 9 }).points[0]!.flagsPerDay).toBeCloseTo(9 * ((4 / 9) * 0.5 + (5 / 9) * 0.2), 12);
    expect(found.points[0]!.flagsPerDay).toBeNull();
  });

  it('says nothing where there is nothing to count', () => {
    const empty = ask({ sensitivity: 0.9 }, [judgedCase('a', true, null)]);
    expect(empty).toMatchObject({ positives: 0, negatives: 0, missed: [], unfulfilled: ['sensitivity'] });
    expect(empty.calibration).toEqual({ inTheLarge: null, slope: null });
    expect(validationInShort(empty)).toContain('No threshold reaches the wanted sensitivity on these cases.');
  });
});

describe('the report', () => {
  const found = ask({ sensitivity: 0.75 });
  const source = 'data:image/png;base64,AAAA';
  const html = validationHtml(found, COHORT, {
    facts: ['fact <1>'],
    notes: ['note'],
    pictures: new Map([['p2', source]]),
  });

  it('is one page that fetches nothing, with a picture of each error that has one', () => {
    expect(html).not.toMatch(/<script|<link|@import|url\(|(src|href)="(?!data:)/);
    expect(html).toContain(`<img src="${source}" alt="p2: 0.320, C2">`);
    expect(html).toContain('1 of 2, the worst first');
    expect(html).toContain('fact &#60;1&#62;');
    expect(html).not.toContain('False flags');
  });

  it('has a table of each trait', () => {
    const tables = validationTables(found);
    expect(tables.map(({ title }) => title)).toEqual([
      'Operating points',
      'Calibration in the large and slope',
      'By scanner',
      'By kernel',
      'By slice thickness',
      'By age',
      'By sex',
      'By level of the fracture',
    ]);
    expect(tables[2]!.rows[0]!.slice(0, 2)).toEqual(['Aero CT 1', '2 of 2: 100.0 (34.2 to 100.0)']);
  });

  it('says in which direction the calibration is off, and only where the interval says so', () => {
    const said = (shift: number) =>
      validationInShort({
        ...found,
        calibration: { inTheLarge: { value: shift, low: shift - 0.5, high: shift + 0.5 }, slope: null },
      }).find((line) => line.startsWith('Calibration in the large'));
    expect(said(-1)).toContain('too high here');
    expect(said(0.2)).toContain('0 would be right');
    expect(said(1)).toContain('too low here');
  });
});
