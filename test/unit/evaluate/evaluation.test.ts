import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateCases } from '../../../src/evaluate/evaluation.ts';
import { evaluationHtml } from '../../../src/evaluate/evaluationReport.ts';
import type { JudgedCase } from '../../../src/evaluate/judgedCase.ts';
import { balancedIndices, casePerformance, FIGURES, figuresOf } from '../../../src/evaluate/performance.ts';
import { evaluationTables } from '../../../src/evaluate/reportTables.ts';
import { judgedCase } from './judgedCases.ts';
import { seededRandom } from '../../../src/base/random.ts';

const spot = (keySliceHits: boolean[], hotspotInMask: boolean | null) => ({
  keySliceHits,
  hotspotInMask,
  hotspotDistanceMm: hotspotInMask === null ? null : 3,
  cellMm: 10,
  chance: 0.05,
});

/** Four positives (one missed, one refused), six negatives (two flagged). */
const COHORT: JudgedCase[] = [
  judgedCase('p1', true, 0.9, {
    sex: 'M',
    ageYears: 70,
    grade: 'obvious',
    types: ['burst'],
    levels: ['C5'],
    sliceLabels: [false, true, null],
    imageProbabilities: [0.1, 0.9, 0.9],
    sliceScores: [0.1, 0.8, 0.9],
    localisation: spot([true, false], true),
  }),
  judgedCase('p2', true, 0.5, {
    sex: 'M',
    ageYears: 80,
    grade: 'subtle',
    types: ['lamina'],
    levels: ['C5', 'C6'],
    sliceLabels: [true],
    imageProbabilities: [0.5],
    sliceScores: [0.7],
    localisation: spot([false, true], false),
  }),
  judgedCase('p3', true, 0.2, { grade: 'subtle', types: ['lamina'], levels: ['C6'], localisation: spot([true], true) }),
  judgedCase('p4 <b>', true, null),
  judgedCase('n1', false, 0.1, {
    sliceLabels: [false, false],
    imageProbabilities: [0.2, 0.6],
    sliceScores: [0.1, 0.2],
  }),
  judgedCase('n2', false, 0.1),
  judgedCase('n3', false, 0.6),
  judgedCase('n4', false, 0.5, { sex: null, ageYears: null }),
  judgedCase('n5', false, 0.05),
  judgedCase('n6', false, 0.05),
];
const ask = (cases: JudgedCase[], threshold = 0.5) => evaluateCases({ cases, threshold, imageThreshold: 0.5, seed: 1 });

describe('evaluateCases', () => {
  const result = ask(COHORT);

  it('counts what the agent decided, with those that it did not analyse apart', () => {
    expect(result.cohort).toEqual({ cases: 10, positives: 4, images: 6, positiveImages: 2, imagesWithoutTruth: 1 });
    expect(result.table3!.imbalanced.confusion).toEqual({
      truePositives: 2,
      falsePositives: 2,
      trueNegatives: 4,
      falseNegatives: 1,
    });
    expect(result.table3!.imbalanced.figures).toMatchObject({
      tpr: { value: 2 / 3 },
      tnr: { value: 4 / 6 },
      ppv: { value: 0.5 },
      npv: { value: 0.8 },
      accuracy: { value: 6 / 9 },
    });
    // Of 18 pairs 14 are in order and one ties.
    expect(result.table3!.imbalanced.figures.auc!.value).toBeCloseTo((14 + 0.5) / 18, 12);
    expect([result.table3!.balanced.positives, result.table3!.balanced.negatives]).toEqual([3, 3]);
    expect(result.analysed.notAnalysed).toEqual([{ reason: 'outside-domain', positives: 1, negatives: 0 }]);
    expect(result.sensitivityOfAll!.value).toBe(0.5);
    expect(result.table1.positive).toMatchObject({ cases: 4, women: 2, men: 2, sexUnknown: 0, ageMeanYears: 67.5 });
    expect(result.table1.negative).toMatchObject({ cases: 6, women: 5, sexUnknown: 1 });
  });

  it('leaves images of unknown truth out of the image level, and takes all others', () => {
    expect(result.table2!.imbalanced.confusion).toEqual({
      truePositives: 2,
      falsePositives: 1,
      trueNegatives: 2,
      falseNegatives: 0,
    });
    expect(result.imagesInSequence!.auc!.value).toBe(1);
  });

  it('says the PPV of other populations by Bayes', () => {
    const [twentieth] = result.ppvAtPrevalence;
    expect(twentieth!.ppv!.value).toBeCloseTo(((2 / 3) * 0.05) / ((2 / 3) * 0.05 + (1 / 3) * 0.95), 12);
    expect(twentieth!.ppv!.low).toBeLessThanOrEqual(twentieth!.ppv!.value);
  });

  it('groups sensitivity by grade from easy to hard, by type and by level, a case in each of its levels', () => {
    const found = (groups: readonly { name: string; hits: number; cases: number }[]) =>
      groups.map(({ name, hits, cases }) => `${name} ${hits}/${cases}`);
    expect(found(result.sensitivity.byGrade)).toEqual(['obvious 1/1', 'subtle 1/2']);
    expect(found(result.sensitivity.byType)).toEqual(['burst 1/1', 'lamina 1/2']);
    expect(found(result.sensitivity.byLevel)).toEqual(['C5 2/2', 'C6 1/2']);
    expect(result.aucByGrade.map(({ grade, positives, negatives }) => [grade, positives, negatives])).toEqual([
      ['obvious', 1, 6],
      ['subtle', 2, 6],
    ]);
    expect(result.aucByGrade[1]!.auc!.value).toBeCloseTo((4.5 + 4) / 12, 12);
  });

  it('judges localisation on rightly flagged cases only', () => {
    expect(result.localisation.hotspotInMask).toMatchObject({ hits: 1, cases: 2 });
    expect(result.localisation.bestKeySliceIsBroken).toMatchObject({ hits: 1, cases: 2 });
    expect(result.localisation.anyKeySliceIsBroken).toMatchObject({ hits: 2, cases: 2 });
    expect(ask(COHORT, 0.2).localisation.hotspotInMask).toMatchObject({ hits: 2, cases: 3 });
  });

  it('is a function of cases and seed', () => {
    expect(ask(COHORT)).toEqual(result);
  });

  it('gives no figure where there is nothing to count', () => {
    const refused = ask([judgedCase('a', true, null), judgedCase('b', false, null)]);
    expect([refused.table2, refused.table3, refused.curve]).toEqual([null, null, []]);
    expect(evaluationHtml(refused, [], [])).toContain('No case was analysed');
    const onlyNegative = ask([judgedCase('a', false, 0.2), judgedCase('b', false, 0.7)]);
    expect(onlyNegative.table3!.imbalanced.figures).toMatchObject({ tpr: null, auc: null, tnr: { value: 0.5 } });
  });
});

describe('performance', () => {
  it('agrees with itself: point values are those without intervals, within their intervals', () => {
    const one = fc.record({ label: fc.boolean(), score: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 40 }), (samples) => {
        const random = seededRandom('performance-test');
        const { figures } = casePerformance(
          samples,
          samples.map((_, i) => String(i)),
          0.5,
          { replicates: 50, random: () => random.next() },
        );
        const plain = figuresOf(samples, 0.5);
        for (const figure of FIGURES) {
          const estimate = figures[figure];
          expect(estimate?.value ?? null).toBe(plain[figure]);
          if (estimate !== null && ['tpr', 'tnr', 'ppv', 'npv', 'accuracy', 'auc'].includes(figure)) {
            expect(estimate.low).toBeLessThanOrEqual(estimate.value);
            expect(estimate.high).toBeGreaterThanOrEqual(estimate.value);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('balances by drawing from the larger class as many as the smaller has', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer(), (labels, seed) => {
        const random = seededRandom('balance-test', seed);
        const chosen = balancedIndices(labels, () => random.next());
        const smaller = Math.min(labels.filter(Boolean).length, labels.filter((label) => !label).length);
        expect(new Set(chosen).size).toBe(chosen.length);
        expect([chosen.filter((i) => labels[i]).length, chosen.filter((i) => !labels[i]).length]).toEqual([
          smaller,
          smaller,
        ]);
      }),
    );
  });
});

describe('the report', () => {
  const result = ask(COHORT);

  it('has the paper’s tables, all columns, with intervals', () => {
    const tables = evaluationTables(result, COHORT);
    const table3 = tables.find(({ title }) => title.startsWith('Table 3'))!;
    expect(table3.head.slice(2)).toEqual([
      'Imbalanced: 3 positive, 6 negative cases',
      'Balanced: 3 positive, 3 negative cases',
    ]);
    expect(table3.rows.map(([name]) => name)).toEqual([
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
    expect(table3.rows[0]![2]).toBe('66.7 (20.8 to 93.9)');
    for (const { head, rows } of tables) for (const row of rows) expect(row).toHaveLength(head.length);
    expect(tables.map(({ title }) => title.split(/[.:,]/)[0])).toEqual([
      'Table 1',
      'Cases that the network put a number on',
      'Table 2',
      'Table 3',
      'Case AUC by grade',
      'Sensitivity by grade',
      'PPV in other populations',
      'Calibration',
      'Localisation',
      'Cases with a fracture that were not flagged',
    ]);
    expect(tables.at(-1)!.rows.map(([id]) => id)).toEqual(['p4 <b>', 'p3']);
  });

  it('is one page that fetches nothing, runs nothing, shows what it got as text, and says what it is not for', () => {
    const html = evaluationHtml(result, COHORT, ['Cohort: <script>alert(1)</script>']);
    expect(html).not.toMatch(/<script|<b>|src=|href=|url\(|@import/);
    expect(html).toContain('p4 &#60;b&#62;');
    expect(html.match(/<svg /g)).toHaveLength(6);
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('never show no alert as no fracture');
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('intervals of images', () => {
  const random = seededRandom('images of cases');
  const cohort = Array.from({ length: 12 }, (_, at) => {
    const images = 4 + (at % 5);
    const sliceLabels = Array.from({ length: images }, () => at % 3 === 0 && random.chance(0.6));
    return judgedCase(`case-${at}`, sliceLabels.includes(true), random.next(), {
      sliceLabels,
      imageProbabilities: sliceLabels.map((label) => Math.min(1, random.next() + (label ? 0.3 : 0))),
    });
  });
  const repeated = (times: number): JudgedCase[] =>
    cohort.map((entry) => ({
      ...entry,
      sliceLabels: Array.from({ length: times }, () => entry.sliceLabels).flat(),
      imageProbabilities: Array.from({ length: times }, () => entry.imageProbabilities).flat(),
    }));

  it('do not shrink when every image is there several times: images of one case are no independent witnesses', () => {
    const figures = (cases: JudgedCase[]) => ask(cases).table2!.imbalanced.figures;
    const once = figures(cohort);
    expect(once.tpr!.high - once.tpr!.low).toBeGreaterThan(0.1);
    for (const times of [2, 5]) {
      const more = figures(repeated(times));
      for (const figure of FIGURES) {
        for (const end of ['value', 'low', 'high'] as const)
          expect(more[figure]![end], `${figure} ${end}`).toBeCloseTo(once[figure]![end], 9);
      }
    }
  });
});
