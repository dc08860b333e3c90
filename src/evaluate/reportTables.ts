import type { Estimate } from '../statistics/intervals.ts';
import type { AgeRow, Evaluation, Subgroup } from './evaluation.ts';
import type { JudgedCase } from './judgedCase.ts';
import { FIGURES, type Figure, type Performance } from './performance.ts';

/** A table of a report, for text and for HTML. */
export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Below the table. */
  readonly notes: readonly string[];
}

export const FIGURE_NAMES: Readonly<Record<Figure, string>> = {
  tpr: 'TPR',
  tnr: 'TNR',
  ppv: 'PPV',
  npv: 'NPV',
  f1: 'F1',
  accuracy: 'Acc',
  mcc: 'MCC',
  auc: 'AUC',
  balancedAccuracy: 'BAcc',
  averagePrecision: 'PR-AUC',
};
const IN_WORDS: Readonly<Record<Figure, string>> = {
  tpr: 'sensitivity',
  tnr: 'specificity',
  ppv: 'positive predictive value',
  npv: 'negative predictive value',
  f1: 'F1 score',
  accuracy: 'accuracy',
  mcc: 'Matthews correlation',
  auc: 'area under the ROC curve',
  balancedAccuracy: 'mean of TPR and TNR',
  averagePrecision: 'average precision',
};
export const ABSENT = '-';
/** Maximum number of missed cases that are listed individually. */
const MOST_MISSED = 40;

/** The tables of an evaluation, figures in percent as in the paper. */
export function evaluationTables(evaluation: Evaluation, cases: readonly JudgedCase[]): ReportTable[] {
  const { table1, table2, table3, sensitivity, calibration, cohort } = evaluation;
  const tables: ReportTable[] = [
    {
      title: 'Table 1. Cases by sex and age',
      head: ['', 'cases', 'women', 'men', 'sex unknown', 'age, years'],
      rows: [ageCells('Negative', table1.negative), ageCells('Positive', table1.positive)],
      notes: ['Age: mean ± standard deviation.'],
    },
    analysedTable(evaluation),
  ];
  if (table2 !== null) {
    const { imagesInSequence } = evaluation;
    tables.push({
      title: `Table 2. Image level: the slice encoder alone, positive from ${evaluation.imageThreshold}`,
      ...performanceRows(
        [
          ['Imbalanced', table2.imbalanced],
          ['Balanced', table2.balanced],
        ],
        'images',
      ),
      notes: [
        'Intervals by bootstrap over the patients: images of one patient are no independent witnesses.',
        ...(imagesInSequence === null
          ? []
          : [
              `The same images by the slice scores of the case classifier, which has seen the neighbours: AUC ${percent(imagesInSequence.auc)}, PR-AUC ${percent(imagesInSequence.averagePrecision)}.`,
            ]),
        ...(cohort.imagesWithoutTruth > 0
          ? [`${cohort.imagesWithoutTruth} images of unknown truth are left out.`]
          : []),
      ],
    });
  }
  if (table3 !== null) {
    tables.push({
      title: `Table 3. Case level, positive from ${evaluation.threshold.toFixed(3)}`,
      ...performanceRows(
        [
          ['Imbalanced', table3.imbalanced],
          ['Balanced', table3.balanced],
        ],
        'cases',
      ),
      notes: [
        'Intervals: Wilson for TPR, TNR, PPV, NPV and Acc, DeLong for AUC, bootstrap for the others; where patients have several scans, Wilson for what those are worth together, and the bootstrap over patients. BAcc is what the paper’s tables print as AUC.',
      ],
    });
  }
  if (evaluation.aucByGrade.length > 0) {
    tables.push({
      title: 'Case AUC by grade',
      head: ['', 'positive', 'negative', 'AUC, %'],
      rows: evaluation.aucByGrade.map(({ grade, positives, negatives, auc }) => [
        grade,
        String(positives),
        String(negatives),
        percent(auc),
      ]),
      notes: ['The positives of a grade against all negatives. A case has the grade of its easiest fracture.'],
    });
  }
  const groups = [...sensitivity.byGrade, ...sensitivity.byType, ...sensitivity.byLevel];
  if (groups.length > 0)
    tables.push({
      title: 'Sensitivity by grade, type and level',
      head: ['', 'found', 'TPR, %'],
      rows: groups.map(subgroupCells),
      notes: ['A case with several fractures counts in each of its groups.'],
    });
  tables.push({
    title: 'PPV in other populations',
    head: ['prevalence, %', 'PPV, %'],
    rows: evaluation.ppvAtPrevalence.map(({ prevalence, ppv }) => [String(Math.round(prevalence * 100)), percent(ppv)]),
    notes: [
      'Of the flagged scans, the share with a fracture, were that share of all scans broken; from the sensitivity and specificity of this cohort.',
    ],
  });
  tables.push({
    title: 'Calibration',
    head: ['probability', 'cases', 'mean probability', 'share with a fracture'],
    rows: calibration.bins
      .filter(({ count }) => count > 0)
      .map(({ low, high, count, positives, meanProbability }) => [
        `${low.toFixed(1)} to ${high.toFixed(1)}`,
        String(count),
        meanProbability!.toFixed(3),
        (positives / count).toFixed(3),
      ]),
    notes: [
      `Expected calibration error ${number(calibration.expectedError)}, Brier score ${number(calibration.brier)}. A network that was calibrated at another prevalence is off here.`,
    ],
  });
  return [...tables, ...localisationTable(evaluation), ...missedTable(evaluation, cases)];
}

function analysedTable({ analysed, cohort, sensitivityOfAll }: Evaluation): ReportTable {
  const refused = analysed.notAnalysed.reduce((sum, { positives, negatives }) => sum + positives + negatives, 0);
  return {
    title: 'Cases that the network put a number on',
    head: ['', 'cases', 'share, %'],
    rows: [
      ['analysed', `${cohort.cases - refused} of ${cohort.cases}`, percent(analysed.share)],
      ...analysed.notAnalysed.map(({ reason, positives, negatives }) => [
        `not analysed: ${reason}`,
        `${positives + negatives} (${positives} positive)`,
        '',
      ]),
    ],
    notes: [
      `Tables 2 and 3 are of analysed cases. Sensitivity with those not analysed counted as missed: ${percent(sensitivityOfAll)}.`,
    ],
  };
}

function localisationTable({ localisation }: Evaluation): ReportTable[] {
  const {
    bestKeySliceIsBroken,
    anyKeySliceIsBroken,
    hotspotInMask,
    medianHotspotDistanceMm,
    medianCellMm,
    hotspotByChance,
  } = localisation;
  if (bestKeySliceIsBroken.cases === 0) return [];
  const notes = ['Of the positive cases that were flagged. A key slice hits when it shows a fracture.'];
  if (hotspotInMask.cases > 0)
    notes.push(
      `The heatmap is made of cells; the hottest one of the best key slice hits when a broken pixel lies in it. Cells are ${number(medianCellMm, 1)} mm wide here; a cell of that slice taken at random would hit in ${number((hotspotByChance ?? 0) * 100, 1)} %. From its middle to the nearest broken pixel of the slice: median ${number(medianHotspotDistanceMm, 1)} mm.`,
    );
  return [
    {
      title: 'Localisation',
      head: ['', 'hits', 'share, %'],
      rows: [bestKeySliceIsBroken, anyKeySliceIsBroken, hotspotInMask]
        .filter(({ cases }) => cases > 0)
        .map(subgroupCells),
      notes,
    },
  ];
}

function missedTable({ threshold }: Evaluation, cases: readonly JudgedCase[]): ReportTable[] {
  const missed = cases
    .filter(({ label, probability }) => label && (probability === null || probability < threshold))
    .sort((a, b) => (a.probability ?? -1) - (b.probability ?? -1));
  if (missed.length === 0) return [];
  return [
    {
      title: 'Cases with a fracture that were not flagged',
      head: ['case', 'probability', 'grade', 'type', 'level'],
      rows: missed
        .slice(0, MOST_MISSED)
        .map(({ id, probability, reason, grade, types, levels }) => [
          id,
          probability === null ? `not analysed: ${reason ?? ''}` : probability.toFixed(3),
          grade ?? ABSENT,
          types.join(', ') || ABSENT,
          levels.join(', ') || ABSENT,
        ]),
      notes: missed.length > MOST_MISSED ? [`and ${missed.length - MOST_MISSED} more; the JSON report has all.`] : [],
    },
  ];
}

function performanceRows(
  lines: readonly (readonly [string, Performance])[],
  unit: string,
): Pick<ReportTable, 'head' | 'rows'> {
  return {
    // One row per figure: ten figures with their intervals do not fit side by side.
    head: [
      '%',
      '',
      ...lines.map(
        ([name, { positives, negatives }]) => `${name}: ${positives} positive, ${negatives} negative ${unit}`,
      ),
    ],
    rows: FIGURES.map((figure) => [
      FIGURE_NAMES[figure],
      IN_WORDS[figure],
      ...lines.map(([, { figures }]) => percent(figures[figure])),
    ]),
  };
}

function ageCells(name: string, { cases, women, men, sexUnknown, ageMeanYears, ageDeviationYears }: AgeRow): string[] {
  const age =
    ageMeanYears === null
      ? ABSENT
      : `${ageMeanYears.toFixed(1)}${ageDeviationYears === null ? '' : ` ± ${ageDeviationYears.toFixed(1)}`}`;
  return [name, String(cases), String(women), String(men), String(sexUnknown), age];
}

function subgroupCells({ name, hits, cases, share }: Subgroup): string[] {
  return [name, `${hits} of ${cases}`, percent(share)];
}

/** `93.1 (88.0 to 96.2)`. */
export function percent(estimate: Estimate | null): string {
  if (estimate === null) return ABSENT;
  const [value, low, high] = [estimate.value, estimate.low, estimate.high].map((share) => (share * 100).toFixed(1));
  return `${value} (${low} to ${high})`;
}

function number(value: number | null, digits = 3): string {
  return value === null ? ABSENT : value.toFixed(digits);
}
