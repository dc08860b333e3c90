import type { Estimate } from '../statistics/intervals.ts';
import { COMPARED, type CrossValidation, type FoldFigures, type FoldRow, type Improvement } from './crossValidation.ts';
import { FIGURES } from './performance.ts';
import { forestChart } from './plots.ts';
import { reportPage } from './reportPage.ts';
import { ABSENT, FIGURE_NAMES, type ReportTable } from './reportTables.ts';

/** The paper's Tables 2 and 3, mean ± standard deviation over the folds in percent, and the improvements. */
export function crossValidationTables(result: CrossValidation): ReportTable[] {
  const { folds, cases, positives, table2, table3, improvements, baseline, threshold, missing, notCompared } = result;
  const head = ['', 'network', ...FIGURES.map((figure) => FIGURE_NAMES[figure])];
  const rows = (lines: readonly FoldRow[]): string[][] =>
    (['imbalanced', 'balanced'] as const).flatMap((set) =>
      lines.map((line) => [
        set === 'imbalanced' ? 'Imbalanced' : 'Balanced',
        line.title,
        ...FIGURES.map((figure) => plusMinus(line[set][figure])),
      ]),
    );
  const notes = [
    `Percent, mean ± standard deviation over ${folds} folds; ${cases} tested cases, ${positives} positive. BAcc, the mean of TPR and TNR, is what the paper’s tables print as AUC.`,
    threshold === 'validation'
      ? 'Threshold: in each fold the one with the highest BAcc on its validation cases (0.5 where it has none).'
      : `Threshold: ${threshold} in all folds.`,
    ...(missing.length > 0 ? [`Not whole. Missing: ${missing.join('; ')}.`] : []),
  ];
  const tables: ReportTable[] = [];
  if (table2.length > 0) tables.push({ title: 'Table 2. Image level', head, rows: rows(table2), notes });
  tables.push({ title: 'Table 3. Case level', head, rows: rows(table3), notes });
  if (improvements.length > 0) {
    tables.push({
      title: `Improvements: difference to "${baseline}" on the same folds`,
      head: ['network', 'against', ...COMPARED.map((figure) => FIGURE_NAMES[figure]), 'image AUC', 'folds won by AUC'],
      rows: improvements.map((one) => [
        one.title,
        one.againstUnits === null ? baseline : `BLSTM-${one.againstUnits}`,
        ...COMPARED.map((figure) => signed(one.differences[figure])),
        signed(one.imageAuc),
        `${one.foldsWon} of ${one.foldsCompared}`,
      ]),
      notes: [
        'Percentage points, mean over the folds; 95 % interval by bootstrap over the tested cases, the same draws for both. It holds the trained networks fixed: another training run varies more.',
        ...notCompared,
      ],
    });
  }
  return tables;
}

/** The whole report as one page. */
export function crossValidationHtml(result: CrossValidation): string {
  const { folds, cases, positives, seed, commands, table2, table3 } = result;
  return reportPage({
    title: 'Cross-validation',
    facts: [
      `${cases} cases in ${folds} folds, ${positives} positive; seed of the draws ${seed}`,
      ...commands.map((command) => `Made by: ${command}`),
    ],
    inShort: crossValidationInShort(result),
    charts: [
      aucChart('Case AUC, mean ± standard deviation over the folds', table3),
      ...(table2.length > 0 ? [aucChart('Image AUC, mean ± standard deviation over the folds', table2)] : []),
    ],
    tables: crossValidationTables(result),
  });
}

/** Wins and losses alike. */
export function crossValidationInShort({ table3, improvements, baseline, missing }: CrossValidation): string[] {
  const reference = table3.filter(({ variant }) => variant === baseline);
  const lines = reference.map(
    ({ title, imbalanced }) =>
      `${title}: case AUC ${plusMinus(imbalanced.auc)}, accuracy ${plusMinus(imbalanced.accuracy)}, BAcc ${plusMinus(imbalanced.balancedAccuracy)} (percent).`,
  );
  for (const [verdict, isIt] of VERDICTS) {
    const those = improvements.filter(({ differences }) => differences.auc !== null && isIt(differences.auc));
    if (those.length > 0)
      lines.push(
        `${verdict}: ${those.map(({ title, differences }) => `${title} ${signed(differences.auc)}`).join('; ')}.`,
      );
  }
  if (missing.length > 0) lines.push(`Not whole: ${missing.join('; ')}.`);
  return lines;
}

const VERDICTS: readonly (readonly [string, (auc: NonNullable<Improvement['differences']['auc']>) => boolean])[] = [
  ['Higher case AUC than the reference, beyond chance', ({ low }) => low > 0],
  ['Lower case AUC, beyond chance', ({ high }) => high < 0],
  ['No difference in case AUC that can be told from chance', ({ low, high }) => low <= 0 && high >= 0],
];

function aucChart(title: string, rows: readonly FoldRow[]): string {
  const lines = rows.map(({ title: name, imbalanced }) => ({
    name,
    share: whisker(imbalanced),
    count: plusMinus(imbalanced.auc),
  }));
  return forestChart(title, lines, lines.every(({ share }) => share !== null && share.low >= 0.5) ? 0.5 : 0);
}

function whisker({ auc }: FoldFigures): Estimate | null {
  if (auc === null) return null;
  const deviation = auc.deviation ?? 0;
  return { value: auc.mean, low: Math.max(0, auc.mean - deviation), high: Math.min(1, auc.mean + deviation) };
}

function plusMinus(value: { mean: number; deviation: number | null } | null): string {
  if (value === null) return ABSENT;
  return `${(value.mean * 100).toFixed(2)}${value.deviation === null ? '' : ` ± ${(value.deviation * 100).toFixed(1)}`}`;
}

/** `+1.2 (-0.3 to +2.6)`, in points. */
function signed(estimate: Estimate | null): string {
  if (estimate === null) return ABSENT;
  const [value, low, high] = [estimate.value, estimate.low, estimate.high].map(
    (points) => `${points < 0 ? '' : '+'}${(points * 100).toFixed(1)}`,
  );
  return `${value} (${low} to ${high})`;
}
