import { describe, expect, it } from 'vitest';
import { balancedThreshold, crossValidate } from '../../../src/evaluate/crossValidation.ts';
import {
  crossValidationHtml,
  crossValidationInShort,
  crossValidationTables,
} from '../../../src/evaluate/crossValidationReport.ts';
import { parseFoldResults, type FoldResults } from '../../../src/evaluate/foldResults.ts';
import { seededRandom } from '../../../src/base/random.ts';

interface Wish {
  variant?: string;
  units?: number | null;
  fold?: number;
  folds?: number;
  /** How far the positives lie above the negatives. */
  lift?: number;
  more?: object;
}

/** Two folds of forty cases; the same cases, and the same luck, in every variant. */
function file({ variant = 'paper', units = 128, fold = 1, folds = 2, lift = 0.2, more = {} }: Wish = {}): string {
  const random = seededRandom('folds-test', fold);
  const cases = Array.from({ length: 60 }, (_, i) => {
    const label = i % 4 === 0 ? 1 : 0;
    const score = Math.min(1, Math.max(0, random.between(0.1, 0.6) + label * lift));
    // What one fold tests, the other validates on.
    const name = i < 40 ? `${fold}-${i}` : `${3 - fold}-${i - 40}`;
    return {
      id: `case-${name}`,
      patient: `p-${name}`,
      split: i < 40 ? 'test' : 'validation',
      label,
      score,
      grade: label ? 'subtle' : null,
      ...(i % 2 === 0 ? { sliceLabels: [label, 0, null], sliceScores: [score, 0.1, 0.9] } : {}),
    };
  });
  return JSON.stringify({
    schema: 1,
    kind: 'fold-results',
    variant,
    title: `Recipe ${variant}`,
    units,
    fold,
    folds,
    seed: 1,
    command: 'training/crossval --seed 1',
    cases,
    ...more,
  });
}
const parse = (text: string): FoldResults => parseFoldResults(text, 'one.json');
const both = (wish: Wish): FoldResults[] => [parse(file({ ...wish, fold: 1 })), parse(file({ ...wish, fold: 2 }))];
const ask = (results: FoldResults[], more: Partial<Parameters<typeof crossValidate>[0]> = {}) =>
  crossValidate({ results, baseline: 'paper', partial: false, seed: 1, ...more });

describe('fold results', () => {
  it('take 0 and 1 or false and true, and name what is wrong', () => {
    expect(parse(file()).cases[0]).toMatchObject({ label: true, sliceLabels: [true, false, null] });
    expect(() => parse('{')).toThrow('one.json is not JSON');
    expect(() => parse(file({ more: { cases: [{ id: 'a', label: 2, score: 1.5 }] } }))).toThrow(
      /cases\.0\.label.*cases\.0\.score/,
    );
    expect(() => parse(file({ more: { cases: [{ id: 'a', label: 1, score: null }] } }))).toThrow(/cases\.0\.score/);
    expect(() =>
      parse(file({ more: { cases: [{ id: 'a', label: 1, score: 0.5, sliceLabels: [1], sliceScores: [] }] } })),
    ).toThrow('differ in length');
    expect(() =>
      parse(
        file({
          more: {
            cases: [
              { id: 'a', label: 1, score: 0.5 },
              { id: 'a', label: 1, score: 0.5 },
            ],
          },
        }),
      ),
    ).toThrow('twice');
    expect(() => parse(file({ more: { cases: [{ id: 'a', label: 1, score: 0.5, split: 'validation' }] } }))).toThrow(
      'no case of it is tested',
    );
    expect(() => parse(file({ fold: 3 }))).toThrow('fold is beyond folds');
  });
});

describe('the threshold of a fold', () => {
  const scored = (...pairs: [number, number][]) => pairs.map(([label, score]) => ({ label: label === 1, score }));

  it('is where the mean of TPR and TNR is highest, in the middle of the gap', () => {
    expect(balancedThreshold(scored([1, 0.9], [1, 0.6], [0, 0.4], [0, 0.1]))).toBeCloseTo(0.5, 12);
    expect(balancedThreshold(scored([0, 0.9], [1, 0.7], [0, 0.3], [0, 0.2]))).toBeCloseTo(0.5, 12);
  });

  it('is the more sensitive one of equals, and 0.5 where a class is missing', () => {
    // From 0.8 one of two is found and none wrongly flagged, from 0.2 both and one of two: equal.
    expect(balancedThreshold(scored([1, 0.8], [0, 0.5], [1, 0.2], [0, 0.1]))).toBeCloseTo(0.15, 12);
    expect(balancedThreshold(scored([0, 0.9], [0, 0.8]))).toBe(0.5);
  });

  it('comes from the validation cases of that fold, unless one is asked for', () => {
    const [a, b] = ask(both({})).table3[0]!.thresholds;
    expect(a).not.toBe(b);
    expect(ask(both({}), { threshold: 0.3 }).table3[0]!.thresholds).toEqual([0.3, 0.3]);
  });
});

describe('crossValidate', () => {
  it('means over the folds, a row a width, imbalanced and balanced; images once a variant', () => {
    const result = ask([...both({ units: 256 }), ...both({ units: 96 }), ...both({})]);
    expect(result).toMatchObject({
      folds: 2,
      cases: 80,
      positives: 20,
      missing: [],
      improvements: [],
      threshold: 'validation',
    });
    expect(result.table3.map(({ title }) => title)).toEqual([
      'Recipe paper, BLSTM-96',
      'Recipe paper, BLSTM-128',
      'Recipe paper, BLSTM-256',
    ]);
    expect(result.table2.map(({ title, units }) => [title, units])).toEqual([['Recipe paper', null]]);
    const { imbalanced, balanced } = result.table3[0]!;
    expect(imbalanced.accuracy!.count).toBe(2);
    expect(imbalanced.auc!.deviation).toBeGreaterThan(0);
    // All positives are in both sets.
    expect(balanced.tpr).toEqual(imbalanced.tpr);
    expect(balanced.ppv!.mean).toBeGreaterThan(imbalanced.ppv!.mean);
  });

  it('works each fold out by itself', () => {
    const two = (fold: number, scores: [number, number][]) =>
      parse(
        JSON.stringify({
          schema: 1,
          kind: 'fold-results',
          variant: 'paper',
          units: null,
          fold,
          folds: 2,
          cases: scores.map(([label, score], i) => ({ id: `${fold}-${i}`, label, score })),
        }),
      );
    const result = ask([
      two(1, [
        [1, 0.9],
        [0, 0.1],
      ]),
      two(2, [
        [1, 0.2],
        [1, 0.8],
        [0, 0.3],
        [0, 0.1],
      ]),
    ]);
    expect(result.table3[0]!.imbalanced).toMatchObject({
      auc: { mean: (1 + 0.75) / 2, count: 2 },
      tpr: { mean: (1 + 0.5) / 2 },
      tnr: { mean: 1 },
      accuracy: { mean: (1 + 0.75) / 2 },
    });
    expect(result.table3[0]!.imbalanced.auc!.deviation).toBeCloseTo(0.25 / Math.SQRT2, 12);
    expect(result.table2).toEqual([]);
  });

  it('measures what others gain or lose on the same cases, with the same width or the usual one', () => {
    const result = ask([
      ...both({}),
      ...both({ units: 96 }),
      ...both({ variant: 'better', lift: 0.35, units: 96 }),
      ...both({ variant: 'worse', lift: 0.05, units: null }),
      ...both({ variant: 'same' }),
    ]);
    const [better, same, worse] = result.improvements;
    expect(better).toMatchObject({ variant: 'better', units: 96, againstUnits: 96, foldsWon: 2, foldsCompared: 2 });
    expect(better!.differences.auc!.low).toBeGreaterThan(0);
    expect(better!.imageAuc!.value).toBeGreaterThan(0);
    expect(worse).toMatchObject({ variant: 'worse', units: null, againstUnits: 128, foldsWon: 0 });
    expect(worse!.differences.auc!.high).toBeLessThan(0);
    expect(same!.differences.auc).toEqual({ value: 0, low: 0, high: 0 });
    expect(same!.differences.mcc).toEqual({ value: 0, low: 0, high: 0 });
    // The difference of the means is the mean of the differences.
    const mean = (variant: string, units: number | null) =>
      result.table3.find((row) => row.variant === variant && row.units === units)!.imbalanced.auc!.mean;
    expect(better!.differences.auc!.value).toBeCloseTo(mean('better', 96) - mean('paper', 96), 12);
    expect(crossValidationInShort(result).slice(2)).toEqual([
      expect.stringMatching(/^Higher case AUC .*Recipe better, BLSTM-96 \+/) as string,
      expect.stringMatching(/^Lower case AUC, .*Recipe worse -/) as string,
      expect.stringMatching(/^No difference .*Recipe same, BLSTM-128 \+0\.0/) as string,
    ]);
  });

  it('does not compare folds with other cases', () => {
    const other = both({ variant: 'other' }).map((one) => ({
      ...one,
      cases: one.cases.map((entry) => ({ ...entry, id: `${entry.id}x` })),
    }));
    const result = ask([...both({}), ...other]);
    expect([result.improvements, result.notCompared]).toEqual([
      [],
      ['Recipe other, BLSTM-128: its folds do not test the same cases as those of Recipe paper, BLSTM-128'],
    ]);
  });

  it('refuses a missing fold, one that is there twice, a patient in two folds, and results without the reference', () => {
    const [one, two] = both({}) as [FoldResults, FoldResults];
    expect(() => ask([one])).toThrow('Of the 2 folds of paper 128 these are missing: 2');
    expect(ask([one], { partial: true })).toMatchObject({ folds: 1, missing: ['paper 128: fold 2 of 2'] });
    expect(() => ask([one, two, two])).toThrow('there twice');
    expect(() => ask([one, { ...two, cases: one.cases }])).toThrow('p-1-0 is tested in folds 1 and 2');
    expect(() => ask([one, { ...two, folds: 7 }])).toThrow('do not agree');
    expect(() => ask(both({ variant: 'other' }))).toThrow(
      'There are no results of the variant "paper"; there are other',
    );
  });
});

describe('its report', () => {
  it('prints the paper’s columns and says what is missing', () => {
    const results = [...both({}), ...both({ variant: 'better', lift: 0.35 })];
    const tables = crossValidationTables(ask(results));
    expect(tables.map(({ title }) => title)).toEqual([
      'Table 2. Image level',
      'Table 3. Case level',
      'Improvements: difference to "paper" on the same folds',
    ]);
    expect(tables[1]!.head).toEqual([
      '',
      'network',
      'TPR',
      'TNR',
      'PPV',
      'NPV',
      'F1',
      'Acc',
      'MCC',
      'AUC',
      'BAcc',
      'PR-AUC',
    ]);
    expect(tables[1]!.rows.map(([set, network]) => `${set} ${network}`)).toEqual([
      'Imbalanced Recipe paper, BLSTM-128',
      'Imbalanced Recipe better, BLSTM-128',
      'Balanced Recipe paper, BLSTM-128',
      'Balanced Recipe better, BLSTM-128',
    ]);
    expect(tables[1]!.rows[0]![2]).toMatch(/^\d+\.\d\d ± \d+\.\d$/);
    for (const { head, rows } of tables) for (const row of rows) expect(row).toHaveLength(head.length);
    expect(
      crossValidationTables(ask(results.slice(0, 3), { partial: true }))
        .at(-1)!
        .notes.join(' ') + crossValidationInShort(ask(results.slice(0, 3), { partial: true })).join(' '),
    ).toContain('better 128: fold 2 of 2');
    const html = crossValidationHtml(ask(results));
    expect(html).not.toMatch(/<script|NaN|undefined/);
    expect(html.match(/<svg /g)).toHaveLength(2);
  });
});
