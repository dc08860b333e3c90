import type { Estimate } from '../statistics/intervals.ts';
import { charts, evaluationInShort } from './evaluationReport.ts';
import type { JudgedCase } from './judgedCase.ts';
import { forestChart, type ForestLine } from './plots.ts';
import { reportPage, type ReportPicture } from './reportPage.ts';
import { ABSENT, evaluationTables, percent, type ReportTable } from './reportTables.ts';
import { type Count, type OperatingPoint, type Stratum, type Trait, type Validation } from './validation.ts';

const TRAIT_WORDS: Readonly<Record<Trait, string>> = {
  scanner: 'Scanner',
  kernel: 'Kernel',
  sliceThickness: 'Slice thickness',
  age: 'Age',
  sex: 'Sex',
  level: 'Level of the fracture',
};
const POINT_WORDS: Readonly<Record<OperatingPoint['why'], string>> = {
  'in-force': 'in force',
  sensitivity: 'for the wanted sensitivity',
  flags: 'for the wanted flags a day',
};

/** The report of a local validation as one page. `pictures`: by case, a data URI. */
export function validationHtml(
  validation: Validation,
  cases: readonly JudgedCase[],
  {
    facts,
    pictures,
    notes,
  }: { facts: readonly string[]; pictures: ReadonlyMap<string, string>; notes: readonly string[] },
): string {
  const { evaluation, missed, falseFlags } = validation;
  return reportPage({
    title: 'Validation at this site',
    facts,
    inShort: [...notes, ...validationInShort(validation)],
    charts: [...charts(evaluation, cases), ...strataCharts(validation)],
    tables: [...validationTables(validation), ...evaluationTables(evaluation, cases)],
    galleries: [
      gallery('Missed: a fracture, and no flag', missed, cases, pictures),
      gallery('False flags: a flag, and no fracture', falseFlags, cases, pictures),
    ].filter(({ pictures }) => pictures.length > 0),
  });
}

/** The summary for a reader in a hurry. */
export function validationInShort(validation: Validation): string[] {
  const { inTheLarge, slope } = validation.calibration;
  const lines = evaluationInShort(validation.evaluation);
  if (inTheLarge !== null)
    lines.push(
      `Calibration in the large ${plain(inTheLarge)}: ${verdict(inTheLarge, 0, 'the probabilities are too high here', 'the probabilities are too low here')}.`,
    );
  if (slope !== null)
    lines.push(
      `Calibration slope ${plain(slope)}: ${verdict(slope, 1, 'the probabilities are too extreme here', 'the probabilities are not extreme enough here')}.`,
    );
  for (const wish of validation.unfulfilled)
    lines.push(
      wish === 'sensitivity'
        ? 'No threshold reaches the wanted sensitivity on these cases.'
        : 'No threshold makes as few flags a day as wanted, or the number of scans a day is not said.',
    );
  return lines;
}

/** Where the interval does not hold the right value, in which direction it lies. */
function verdict({ low, high }: Estimate, right: number, below: string, above: string): string {
  if (high < right) return below;
  return low > right ? above : `${right} would be right, and lies in the interval`;
}

/** The tables that a validation has beyond those of an evaluation. */
export function validationTables({ strata, points, calibration }: Validation): ReportTable[] {
  return [
    {
      title: 'Operating points',
      head: ['', 'flags from', 'sensitivity, %', 'specificity, %', 'flags a day'],
      rows: points.map(({ why, threshold, sensitivity, specificity, flagsPerDay }) => [
        POINT_WORDS[why],
        threshold.toFixed(4),
        counted(sensitivity),
        counted(specificity),
        flagsPerDay === null ? ABSENT : flagsPerDay.toFixed(1),
      ]),
      notes: [
        'A threshold that was chosen on these cases looks better on them than on the next ones: set it by the page of thresholds, which shows what it would do to past scans.',
      ],
    },
    {
      title: 'Calibration in the large and slope',
      head: ['', 'value', 'right'],
      rows: [
        ['in the large (logit)', calibration.inTheLarge === null ? ABSENT : plain(calibration.inTheLarge), '0'],
        ['slope', calibration.slope === null ? ABSENT : plain(calibration.slope), '1'],
      ],
      notes: ['By logistic regression on the logit of the probability; intervals from the variance between patients.'],
    },
    ...strata
      .filter(({ groups }) => groups.length > 0)
      .map(({ trait, groups }): ReportTable => ({
        title: `By ${TRAIT_WORDS[trait].toLowerCase()}`,
        head: [TRAIT_WORDS[trait], 'sensitivity, %', 'specificity, %', 'analysed'],
        rows: groups.map(({ name, sensitivity, specificity, analysed }) => [
          name,
          counted(sensitivity),
          counted(specificity),
          `${analysed.hits} of ${analysed.cases}`,
        ]),
        notes: [],
      })),
  ];
}

function strataCharts({ strata }: Validation): string[] {
  const lines = (of: (stratum: Stratum) => Count): ForestLine[] =>
    strata.flatMap(({ trait, groups }) => {
      const rows = groups.filter((stratum) => of(stratum).cases > 0);
      return rows.length === 0
        ? []
        : [
            { name: TRAIT_WORDS[trait], share: null, count: '' },
            ...rows.map((stratum) => {
              const { share, hits, cases } = of(stratum);
              return { name: stratum.name, share, count: `${hits} of ${cases}` };
            }),
          ];
    });
  return (
    [
      ['Sensitivity', lines(({ sensitivity }) => sensitivity)],
      ['Specificity', lines(({ specificity }) => specificity)],
    ] as const
  ).flatMap(([figure, rows]) =>
    rows.length === 0 ? [] : [forestChart(`${figure} in percent, with 95 % intervals`, rows)],
  );
}

function gallery(
  title: string,
  ids: readonly string[],
  cases: readonly JudgedCase[],
  pictures: ReadonlyMap<string, string>,
): { title: string; pictures: ReportPicture[]; note: string } {
  const shown = ids.filter((id) => pictures.has(id));
  return {
    title,
    pictures: shown.map((id) => {
      const { probability, levels } = cases.find((one) => one.id === id)!;
      const where = levels.length === 0 ? '' : `, ${levels.join(', ')}`;
      return { source: pictures.get(id)!, caption: `${id}: ${probability!.toFixed(3)}${where}` };
    }),
    note: `The slice to which the network responded most, and its response. ${shown.length} of ${ids.length}${shown.length < ids.length ? ', the worst first; the JSON report names all' : ''}.`,
  };
}

/** `12 of 14: 85.7 (60.1 to 96.0)`. */
function counted({ hits, cases, share }: Count): string {
  return cases === 0 ? ABSENT : `${hits} of ${cases}: ${percent(share)}`;
}

function plain({ value, low, high }: Estimate): string {
  return `${value.toFixed(2)} (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
}
