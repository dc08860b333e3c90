import { TriageError } from '../base/errors.ts';
import { seededRandom } from '../base/random.ts';
import { bootstrapIntervals, meanAndDeviation, type Estimate } from '../statistics/intervals.ts';
import { averagePrecision, operatingCurve, rank, ratesOf, rocAuc, type Scored } from '../statistics/metrics.ts';
import type { FoldCase, FoldResults } from './foldResults.ts';
import { balancedIndices, FIGURES, figuresOf, type Figure, type Figures } from './performance.ts';

/** Mean and sample standard deviation over the folds in which a figure is defined. */
export type FoldFigures = Readonly<
  Record<Figure, { readonly mean: number; readonly deviation: number | null; readonly count: number } | null>
>;

/** A variant with one width. */
export interface FoldRow {
  readonly variant: string;
  readonly title: string;
  readonly units: number | null;
  readonly folds: number;
  /** In the order of the folds. */
  readonly thresholds: readonly number[];
  readonly imbalanced: FoldFigures;
  readonly balanced: FoldFigures;
}

/** The figures in which an improvement is measured. */
export const COMPARED = ['auc', 'averagePrecision', 'balancedAccuracy', 'tpr', 'tnr', 'mcc'] as const;
type Compared = (typeof COMPARED)[number];

/** A variant against the reference on the same cases of the same folds. */
export interface Improvement {
  readonly variant: string;
  readonly title: string;
  readonly units: number | null;
  readonly againstUnits: number | null;
  /** Mean over the folds of (variant - reference); interval by bootstrap over the test cases, the same draws for both. */
  readonly differences: Readonly<Record<Compared, Estimate | null>>;
  /** Of the images, by stage 1; null where one of the two has no images. */
  readonly imageAuc: Estimate | null;
  /** Number of folds with a higher case AUC, and of folds in which both are defined. */
  readonly foldsWon: number;
  readonly foldsCompared: number;
}

/** The paper's Tables 2 and 3 over folds, and improvements against its recipe; the shape of `crossval --json`. */
export interface CrossValidation {
  readonly folds: number;
  /** Tested cases, and how many of them are positive, of the reference. */
  readonly cases: number;
  readonly positives: number;
  readonly baseline: string;
  /** `validation`: chosen in each fold on its validation cases; or the number that was requested. */
  readonly threshold: 'validation' | number;
  readonly seed: number;
  readonly commands: readonly string[];
  /** What is missing, with `partial`. */
  readonly missing: readonly string[];
  /** Image level, one row per variant that has images. */
  readonly table2: readonly FoldRow[];
  /** Case level, one row per variant and width. */
  readonly table3: readonly FoldRow[];
  readonly improvements: readonly Improvement[];
  /** Rows that cannot be compared, and why. */
  readonly notCompared: readonly string[];
}

export interface CrossValidationQuestion {
  readonly results: readonly FoldResults[];
  /** Variant that the others are compared with. */
  readonly baseline: string;
  /** For all folds; absent: chosen on the validation cases of each. */
  readonly threshold?: number | undefined;
  /** Use the folds that exist, even if some are missing. */
  readonly partial: boolean;
  /** Seed of the balanced draws and of the bootstrap. */
  readonly seed: number;
}

const REPLICATES = 1000;
/** The width of the paper's figure 1: heads without a BLSTM are compared with it. */
const USUAL_UNITS = 128;

/**
 * Combines the results of folds.
 * @throws TriageError `dataset-invalid` when a fold is missing or there twice, or when one patient is tested in two folds; `command-invalid` without the reference
 */
export function crossValidate({
  results,
  baseline,
  threshold,
  partial,
  seed,
}: CrossValidationQuestion): CrossValidation {
  const missing: string[] = [];
  const keys = [...new Set(results.map(keyOf))].sort(
    (a, b) => order(a, baseline) - order(b, baseline) || a.localeCompare(b, 'en', { numeric: true }),
  );
  const groups = keys.map((key) =>
    prepared(
      results.filter((one) => keyOf(one) === key),
      key,
      threshold,
      partial ? missing : null,
    ),
  );
  const references = groups.filter(({ variant }) => variant === baseline);
  const [first] = references;
  if (first === undefined)
    throw new TriageError(
      'command-invalid',
      `There are no results of the variant "${baseline}"; there are ${[...new Set(groups.map(({ variant }) => variant))].join(', ')}. --baseline names the one to measure against.`,
    );
  const withImages = groups.filter(({ folds }) => folds.every(({ images }) => images.length > 0));
  const seen = new Set<string>();
  const notCompared: string[] = [];
  const tested = first.folds.flatMap(({ cases }) => cases);
  return {
    folds: first.folds.length,
    cases: tested.length,
    positives: tested.filter(({ label }) => label).length,
    baseline,
    threshold: threshold ?? 'validation',
    seed,
    commands: [...new Set(results.map(({ command }) => command).filter((command) => command !== ''))],
    missing,
    table2: withImages
      .filter(({ variant }) => !seen.has(variant) && seen.add(variant))
      .map((group) => row(group, 'images', seed)),
    table3: groups.map((group) => row(group, 'cases', seed)),
    improvements: groups
      .filter(({ variant }) => variant !== baseline)
      .flatMap((group) => {
        const reference =
          references.find(({ units }) => units === group.units) ??
          references.find(({ units }) => units === USUAL_UNITS) ??
          references.at(-1)!;
        if (sameCases(group, reference)) return [compare(group, reference, seed)];
        notCompared.push(`${group.title}: its folds do not test the same cases as those of ${reference.title}`);
        return [];
      }),
    notCompared,
  };
}

interface Fold {
  readonly fold: number;
  /** Test cases, by id. */
  readonly cases: readonly FoldCase[];
  readonly samples: readonly Scored[];
  readonly threshold: number;
  readonly images: readonly Scored[];
  /** Index of the case of each image. */
  readonly caseOfImage: readonly number[];
  readonly imageThreshold: number;
}

interface Group {
  readonly variant: string;
  readonly title: string;
  readonly units: number | null;
  readonly folds: readonly Fold[];
}

function keyOf({ variant, units }: FoldResults): string {
  return units === null ? variant : `${variant} ${units}`;
}

function order(key: string, baseline: string): number {
  return key === baseline || key.startsWith(`${baseline} `) ? 0 : 1;
}

/** The folds of one row, in order; a missing one is added to `missing`, or is an error. */
function prepared(
  results: readonly FoldResults[],
  key: string,
  threshold: number | undefined,
  missing: string[] | null,
): Group {
  const sorted = [...results].sort((a, b) => a.fold - b.fold);
  const { variant, units, title, folds: wanted } = sorted[0]!;
  if (sorted.some(({ folds }) => folds !== wanted))
    throw new TriageError('dataset-invalid', `The files of ${key} do not agree on how many folds there are.`);
  const there = new Set(sorted.map(({ fold }) => fold));
  if (there.size < sorted.length) throw new TriageError('dataset-invalid', `A fold of ${key} is there twice.`);
  const absent = Array.from({ length: wanted }, (_, k) => k + 1).filter((fold) => !there.has(fold));
  if (absent.length > 0 && missing === null)
    throw new TriageError(
      'dataset-invalid',
      `Of the ${wanted} folds of ${key} these are missing: ${absent.join(', ')}. Let training/crossval finish (it goes on where it was), or take what is there with --partial.`,
    );
  if (absent.length > 0)
    missing?.push(`${key}: ${absent.length === 1 ? 'fold' : 'folds'} ${absent.join(', ')} of ${wanted}`);
  const testedIn = new Map<string, number>();
  for (const { cases, fold } of sorted) {
    for (const { id, patient = id, split } of cases) {
      if (split !== 'test') continue;
      const earlier = testedIn.get(patient);
      if (earlier !== undefined && earlier !== fold)
        throw new TriageError(
          'dataset-invalid',
          `${patient} is tested in folds ${earlier} and ${fold} of ${key}: folds must not share patients.`,
        );
      testedIn.set(patient, fold);
    }
  }
  return {
    variant,
    units,
    title: `${title ?? variant}${units === null ? '' : `, BLSTM-${units}`}`,
    folds: sorted.map((one) => foldOf(one, threshold)),
  };
}

function foldOf({ fold, cases }: FoldResults, fixed: number | undefined): Fold {
  const byId = [...cases].sort((a, b) => (a.id < b.id ? -1 : 1));
  const tested = byId.filter(({ split }) => split === 'test');
  const validation = byId.filter(({ split }) => split === 'validation');
  const { images, caseOfImage } = imagesOf(tested);
  const scored = (ones: readonly FoldCase[]): Scored[] => ones.map(({ label, score }) => ({ label, score }));
  return {
    fold,
    cases: tested,
    samples: scored(tested),
    threshold: fixed ?? balancedThreshold(scored(validation)),
    images,
    caseOfImage,
    imageThreshold: fixed ?? balancedThreshold(imagesOf(validation).images),
  };
}

function imagesOf(cases: readonly FoldCase[]): { images: Scored[]; caseOfImage: number[] } {
  const images: Scored[] = [];
  const caseOfImage: number[] = [];
  for (const [index, { sliceLabels, sliceScores }] of cases.entries()) {
    for (const [slice, label] of sliceLabels.entries()) {
      if (label === null) continue;
      images.push({ label, score: sliceScores[slice]! });
      caseOfImage.push(index);
    }
  }
  return { images, caseOfImage };
}

/**
 * The threshold with the highest mean of TPR and TNR, in the middle of the gap below the last score that counts as positive; of several the most
 * sensitive. 0.5 where a class is missing.
 */
export function balancedThreshold(samples: readonly Scored[]): number {
  const curve = operatingCurve(samples);
  if (curve.length === 0) return 0.5;
  let best = 0;
  for (const [i, { tpr, fpr }] of curve.entries()) if (tpr - fpr >= curve[best]!.tpr - curve[best]!.fpr) best = i;
  const { threshold } = curve[best]!;
  return best + 1 < curve.length ? (threshold + curve[best + 1]!.threshold) / 2 : threshold;
}

function row({ variant, title, units, folds }: Group, what: 'cases' | 'images', seed: number): FoldRow {
  const sets = folds.map((fold) =>
    what === 'cases'
      ? { fold: fold.fold, samples: fold.samples, threshold: fold.threshold }
      : { fold: fold.fold, samples: fold.images, threshold: fold.imageThreshold },
  );
  const balanced = sets.map(({ fold, samples, threshold }) => {
    // All rows are evaluated on the same negatives.
    const random = seededRandom('crossval-balanced', seed, what, fold);
    return figuresOf(
      balancedIndices(
        samples.map(({ label }) => label),
        () => random.next(),
      ).map((i) => samples[i]!),
      threshold,
    );
  });
  return {
    variant,
    title: what === 'images' ? title.replace(/, BLSTM-\d+$/, '') : title,
    units: what === 'images' ? null : units,
    folds: folds.length,
    thresholds: sets.map(({ threshold }) => threshold),
    imbalanced: overFolds(sets.map(({ samples, threshold }) => figuresOf(samples, threshold))),
    balanced: overFolds(balanced),
  };
}

function overFolds(folds: readonly Figures[]): FoldFigures {
  return Object.fromEntries(
    FIGURES.map((figure) => [figure, meanAndDeviation(folds.map((fold) => fold[figure]))]),
  ) as FoldFigures;
}

function sameCases(a: Group, b: Group): boolean {
  const names = ({ folds }: Group): string =>
    JSON.stringify(folds.map(({ fold, cases }) => [fold, cases.map(({ id, label }) => [id, label])]));
  return names(a) === names(b);
}

function compare(group: Group, reference: Group, seed: number): Improvement {
  const random = seededRandom('crossval-compare', seed);
  const options = { replicates: REPLICATES, random: () => random.next() };
  const offsets = group.folds.map((_, i) => group.folds.slice(0, i).reduce((sum, { cases }) => sum + cases.length, 0));
  const cases = group.folds.reduce((sum, fold) => sum + fold.cases.length, 0);
  const [ours, theirs] = [group, reference].map(({ folds }) =>
    folds.map((fold) => ({ ...fold, ranking: rank(fold.samples), imageRanking: rank(fold.images) })),
  ) as [RankedFold[], RankedFold[]];
  const meanDifference =
    <Name extends string>(
      figures: (fold: RankedFold, drawn: Uint32Array) => Record<Name, number | null>,
      names: readonly Name[],
    ) =>
    (timesDrawn: Uint32Array): Record<Name, number | null> => {
      const byFold = ours.map((fold, i) => {
        const drawn = timesDrawn.subarray(offsets[i], offsets[i]! + fold.cases.length);
        return [figures(fold, drawn), figures(theirs[i]!, drawn)] as const;
      });
      return Object.fromEntries(
        names.map((name) => [
          name,
          meanAndDeviation(byFold.map(([a, b]) => (a[name] === null || b[name] === null ? null : a[name] - b[name])))
            ?.mean ?? null,
        ]),
      ) as Record<Name, number | null>;
    };
  const aucs = ours
    .map(({ ranking }, i) => [rocAuc(ranking), rocAuc(theirs[i]!.ranking)] as const)
    .filter((pair): pair is readonly [number, number] => pair[0] !== null && pair[1] !== null);
  const hasImages = [...ours, ...theirs].every(({ images }) => images.length > 0);
  return {
    variant: group.variant,
    title: group.title,
    units: group.units,
    againstUnits: reference.units,
    differences: bootstrapIntervals(cases, meanDifference(weighted, COMPARED), options),
    imageAuc: hasImages
      ? (bootstrapIntervals(cases, meanDifference(weightedImages, ['auc'] as const), options).auc ?? null)
      : null,
    foldsWon: aucs.filter(([a, b]) => a > b).length,
    foldsCompared: aucs.length,
  };
}

type RankedFold = Fold & { readonly ranking: ReturnType<typeof rank>; readonly imageRanking: ReturnType<typeof rank> };

/** Figures of a fold in which each case counts as often as it was drawn. */
function weighted({ samples, threshold, ranking }: RankedFold, drawn: Uint32Array): Record<Compared, number | null> {
  const counts = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  for (const [i, { label, score }] of samples.entries())
    counts[
      score >= threshold ? (label ? 'truePositives' : 'falsePositives') : label ? 'falseNegatives' : 'trueNegatives'
    ] += drawn[i]!;
  const { balancedAccuracy, tpr, tnr, mcc } = ratesOf(counts);
  return {
    auc: rocAuc(ranking, drawn),
    averagePrecision: averagePrecision(ranking, drawn),
    balancedAccuracy,
    tpr,
    tnr,
    mcc,
  };
}

function weightedImages({ caseOfImage, imageRanking }: RankedFold, drawn: Uint32Array): { auc: number | null } {
  return {
    auc: rocAuc(
      imageRanking,
      Float64Array.from(caseOfImage, (index) => drawn[index]!),
    ),
  };
}
