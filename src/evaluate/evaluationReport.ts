import { wilsonInterval, type Estimate } from '../statistics/intervals.ts';
import type { CurvePoint } from '../statistics/metrics.ts';
import type { Evaluation, Subgroup } from './evaluation.ts';
import type { JudgedCase } from './judgedCase.ts';
import { forestChart, svgChart, type ForestLine, type Mark } from './plots.ts';
import { reportPage } from './reportPage.ts';
import { evaluationTables } from './reportTables.ts';

const HISTOGRAM_BINS = 20;
const DIAGONAL: Mark = {
  kind: 'line',
  dashed: true,
  points: [
    [0, 0],
    [1, 1],
  ],
};

/** The whole report of an evaluation as one page. `facts`: dataset, model and speed, one line each. */
export function evaluationHtml(evaluation: Evaluation, cases: readonly JudgedCase[], facts: readonly string[]): string {
  return reportPage({
    title: 'Evaluation on a labelled cohort',
    facts,
    inShort: evaluationInShort(evaluation),
    charts: charts(evaluation, cases),
    tables: evaluationTables(evaluation, cases),
  });
}

/** The summary for a reader in a hurry. */
export function evaluationInShort({
  table2,
  table3,
  localisation,
  ppvAtPrevalence,
  analysed,
  threshold,
}: Evaluation): string[] {
  if (table3 === null) return ['No case was analysed: there is no figure to give.'];
  const { confusion, figures, positives, negatives } = table3.imbalanced;
  const lines = [
    `Of ${positives} analysed scans with a fracture ${confusion.truePositives} were flagged: sensitivity ${withInterval(figures.tpr)}.`,
    `Of ${negatives} without one ${confusion.falsePositives} were flagged too: specificity ${withInterval(figures.tnr)}, at the threshold ${threshold.toFixed(3)}.`,
    `Area under the ROC curve over all thresholds ${withInterval(figures.auc)}${table2 === null ? '' : `; of single images by the encoder alone ${withInterval(table2.imbalanced.figures.auc)}`}.`,
  ];
  const tenth = ppvAtPrevalence.find(({ prevalence }) => prevalence === 0.1);
  if (tenth?.ppv) lines.push(`Where one scan in ten has a fracture, a flag is right in ${withInterval(tenth.ppv)}.`);
  const { hotspotInMask: spot, bestKeySliceIsBroken: key } = localisation;
  if (key.cases > 0)
    lines.push(
      `Rightly flagged: the best key slice shows the fracture in ${key.hits} of ${key.cases}${spot.cases > 0 ? `, and the hottest spot of its heatmap touches it in ${spot.hits} of ${spot.cases}` : ''}.`,
    );
  const refused = analysed.notAnalysed.reduce((sum, reason) => sum + reason.positives + reason.negatives, 0);
  if (refused > 0)
    lines.push(
      `${refused} scans were not analysed, ${analysed.notAnalysed.reduce((sum, reason) => sum + reason.positives, 0)} of them with a fracture.`,
    );
  return lines;
}

function withInterval(estimate: Estimate | null): string {
  if (estimate === null) return 'not defined';
  return `${(estimate.value * 100).toFixed(1)} % (95 % interval ${(estimate.low * 100).toFixed(1)} to ${(estimate.high * 100).toFixed(1)})`;
}

/** The plots of an evaluation: curves, distribution, calibration, sensitivity by group. */
export function charts(evaluation: Evaluation, cases: readonly JudgedCase[]): string[] {
  const { curve, imageCurve, threshold, table2, table3 } = evaluation;
  const judged = cases.flatMap(({ label, probability }) => (probability === null ? [] : [{ label, probability }]));
  if (judged.length === 0 || table3 === null) return [];
  const drawn: string[] = [];
  if (curve.length > 0) {
    const here = operatingPoint(curve, threshold);
    const share = judged.filter(({ label }) => label).length / judged.length;
    drawn.push(
      roc('Cases', curve, table3.imbalanced.figures.auc, {
        kind: 'dot',
        at: [here.fpr, here.tpr],
        note: `threshold ${threshold.toFixed(3)}`,
      }),
      svgChart({
        title: `Cases: precision and recall, area ${areaOf(table3.imbalanced.figures.averagePrecision)}`,
        xLabel: 'sensitivity (recall)',
        yLabel: 'PPV (precision)',
        marks: [
          {
            kind: 'line',
            dashed: true,
            points: [
              [0, share],
              [1, share],
            ],
          },
          {
            kind: 'steps',
            points: [[0, curve[0]!.precision], ...curve.map(({ tpr, precision }) => [tpr, precision] as const)],
          },
        ],
      }),
    );
  }
  drawn.push(histogram(judged, threshold), reliability(evaluation));
  if (imageCurve.length > 0 && table2 !== null) {
    const here = operatingPoint(imageCurve, evaluation.imageThreshold);
    drawn.push(
      roc('Images, encoder alone', imageCurve, table2.imbalanced.figures.auc, {
        kind: 'dot',
        at: [here.fpr, here.tpr],
        note: `threshold ${evaluation.imageThreshold}`,
      }),
    );
  }
  const { byGrade, byType, byLevel } = evaluation.sensitivity;
  const lines = [...forestLines('Grade', byGrade), ...forestLines('Type', byType), ...forestLines('Level', byLevel)];
  if (lines.length > 0) drawn.push(forestChart('Sensitivity in percent, with 95 % intervals', lines));
  return drawn;
}

function roc(what: string, curve: readonly CurvePoint[], auc: Estimate | null, dot: Mark): string {
  return svgChart({
    title: `${what}: ROC, area ${areaOf(auc)}`,
    xLabel: '1 - specificity',
    yLabel: 'sensitivity',
    marks: [DIAGONAL, { kind: 'line', points: [[0, 0], ...curve.map(({ fpr, tpr }) => [fpr, tpr] as const)] }, dot],
  });
}

function areaOf(estimate: Estimate | null): string {
  return estimate === null ? 'not defined' : estimate.value.toFixed(3);
}

/** Where a threshold lies on the curve: the last point at or above it, otherwise the beginning. */
function operatingPoint(curve: readonly CurvePoint[], threshold: number): { fpr: number; tpr: number } {
  return curve.filter((point) => point.threshold >= threshold).at(-1) ?? { fpr: 0, tpr: 0 };
}

function reliability({ calibration }: Evaluation): string {
  const filled = calibration.bins.filter(({ count }) => count > 0);
  return svgChart({
    title: `Calibration, expected error ${calibration.expectedError === null ? 'not defined' : calibration.expectedError.toFixed(3)}`,
    xLabel: 'mean probability given',
    yLabel: 'share with a fracture',
    marks: [
      DIAGONAL,
      ...filled.map(({ meanProbability, positives, count }): Mark => ({
        kind: 'dot',
        at: [meanProbability!, positives / count],
        interval: wilsonInterval(positives, count) ?? undefined,
        note: `${positives} of ${count} cases`,
      })),
    ],
  });
}

function histogram(judged: readonly { label: boolean; probability: number }[], threshold: number): string {
  const counts = Array.from({ length: HISTOGRAM_BINS }, () => ({ negative: 0, positive: 0 }));
  for (const { label, probability } of judged)
    counts[Math.min(HISTOGRAM_BINS - 1, Math.floor(probability * HISTOGRAM_BINS))]![label ? 'positive' : 'negative']++;
  const all = {
    negative: judged.filter(({ label }) => !label).length,
    positive: judged.filter(({ label }) => label).length,
  };
  return svgChart({
    title: 'Probabilities of the cases',
    xLabel: 'probability (dotted: threshold)',
    yLabel: 'share of its class',
    marks: [
      ...counts.map(({ negative, positive }, bin): Mark => ({
        kind: 'bars',
        from: bin / HISTOGRAM_BINS,
        to: (bin + 1) / HISTOGRAM_BINS,
        negative: negative / Math.max(1, all.negative),
        positive: positive / Math.max(1, all.positive),
        note: `${negative} without, ${positive} with a fracture`,
      })),
      { kind: 'upright', x: threshold, note: `threshold ${threshold.toFixed(3)}` },
      { kind: 'text', at: [0.97, 0.93], text: 'with a fracture', colour: 'positive' },
      { kind: 'text', at: [0.97, 0.87], text: 'without', colour: 'negative' },
    ],
  });
}

function forestLines(heading: string, groups: readonly Subgroup[]): ForestLine[] {
  if (groups.length === 0) return [];
  return [
    { name: heading, share: null, count: '' },
    ...groups.map(({ name, share, hits, cases }) => ({ name, share, count: `${hits} of ${cases}` })),
  ];
}
