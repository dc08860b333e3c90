import { seededRandom } from '../base/random.ts';
import {
  bootstrapIntervals,
  clusteredProportion,
  delongInterval,
  meanAndDeviation,
  type Estimate,
} from '../statistics/intervals.ts';
import {
  averagePrecision,
  brierScore,
  calibrationError,
  countConfusion,
  operatingCurve,
  ppvAtPrevalence,
  rank,
  ratesOf,
  reliabilityBins,
  rocAuc,
  type CurvePoint,
  type ReliabilityBin,
  type Scored,
} from '../statistics/metrics.ts';
import { median } from '../statistics/median.ts';
import {
  balancedIndices,
  casePerformance,
  clusterIndices,
  imagePerformance,
  type IntervalOptions,
  type Performance,
} from './performance.ts';
import type { JudgedCase } from './judgedCase.ts';

/** Prevalences in other populations for which the PPV is reported. */
const PREVALENCES = [0.05, 0.1, 0.2];
const REPLICATES = 1000;
const MOST_CURVE_POINTS = 400;

/** A row of the paper's Table 1. */
export interface AgeRow {
  readonly cases: number;
  readonly women: number;
  readonly men: number;
  readonly sexUnknown: number;
  readonly ageMeanYears: number | null;
  readonly ageDeviationYears: number | null;
}

/** Hit rate among cases that have something in common. */
export interface Subgroup {
  readonly name: string;
  readonly hits: number;
  readonly cases: number;
  readonly share: Estimate | null;
}

/** Area under the ROC curve of the positives of one grade against all negatives. */
interface GradeAuc {
  readonly grade: string;
  readonly positives: number;
  readonly negatives: number;
  /** Null when there are too few of either class. */
  readonly auc: Estimate | null;
}

/** What to compute from the judged cases. */
export interface EvaluationQuestion {
  readonly cases: readonly JudgedCase[];
  /** A case is positive at or above it. */
  readonly threshold: number;
  readonly imageThreshold: number;
  /** Seed of the bootstrap and of the balanced draws. */
  readonly seed: number;
}

/** Everything that the report says; `evaluation` in `evaluate --json` (see docs/evaluation.md). Shares are 0..1. */
export interface Evaluation {
  readonly threshold: number;
  readonly imageThreshold: number;
  readonly seed: number;
  readonly cohort: {
    readonly cases: number;
    readonly positives: number;
    readonly images: number;
    readonly positiveImages: number;
    readonly imagesWithoutTruth: number;
  };
  /** Number of cases that the agent scored; the others, by reason. */
  readonly analysed: {
    readonly share: Estimate | null;
    readonly notAnalysed: readonly {
      readonly reason: string;
      readonly positives: number;
      readonly negatives: number;
    }[];
  };
  readonly table1: { readonly negative: AgeRow; readonly positive: AgeRow };
  /** Images of analysed cases, by the encoder alone; null without images of known truth. */
  readonly table2: { readonly imbalanced: Performance; readonly balanced: Performance } | null;
  /** The same images, by the slice scores of the case classifier, which has seen the neighbours. */
  readonly imagesInSequence: { readonly auc: Estimate | null; readonly averagePrecision: Estimate | null } | null;
  /** Analysed cases; null without any. */
  readonly table3: { readonly imbalanced: Performance; readonly balanced: Performance } | null;
  /** Share flagged among all positive cases: one that was not analysed is not flagged. */
  readonly sensitivityOfAll: Estimate | null;
  readonly aucByGrade: readonly GradeAuc[];
  readonly ppvAtPrevalence: readonly { readonly prevalence: number; readonly ppv: Estimate | null }[];
  readonly sensitivity: {
    readonly byLevel: readonly Subgroup[];
    readonly byType: readonly Subgroup[];
    readonly byGrade: readonly Subgroup[];
  };
  readonly calibration: {
    readonly bins: readonly ReliabilityBin[];
    readonly expectedError: number | null;
    readonly brier: number | null;
  };
  /** Among true positives. */
  readonly localisation: {
    readonly bestKeySliceIsBroken: Subgroup;
    readonly anyKeySliceIsBroken: Subgroup;
    readonly hotspotInMask: Subgroup;
    readonly medianHotspotDistanceMm: number | null;
    readonly medianCellMm: number | null;
    readonly hotspotByChance: number | null;
  };
  /** Of analysed cases, and of their images. */
  readonly curve: readonly CurvePoint[];
  readonly imageCurve: readonly CurvePoint[];
}

/** Computes every figure; depends on the arguments alone. */
export function evaluateCases({ cases, threshold, imageThreshold, seed }: EvaluationQuestion): Evaluation {
  const positives = cases.filter(({ label }) => label);
  const judged = cases.filter(({ probability }) => probability !== null);
  const samples = judged.map(({ label, probability }): Scored => ({ label, score: probability! }));
  const patientOf = judged.map(({ patientKey }) => patientKey);
  const truePositives = judged.filter(({ label, probability }) => label && probability! >= threshold);
  const images = cases.flatMap(({ sliceLabels }) => sliceLabels);
  const bins = reliabilityBins(samples);
  const options: OptionsOf = (name) => {
    const random = seededRandom('evaluate', seed, name);
    return { replicates: REPLICATES, random: () => random.next() };
  };
  return {
    threshold,
    imageThreshold,
    seed,
    cohort: {
      cases: cases.length,
      positives: positives.length,
      images: images.length,
      positiveImages: images.filter((label) => label === true).length,
      imagesWithoutTruth: images.filter((label) => label === null).length,
    },
    analysed: { share: shareOf(cases, ({ probability }) => probability !== null), notAnalysed: reasons(cases) },
    table1: { negative: ageRow(cases.filter(({ label }) => !label)), positive: ageRow(positives) },
    table2: imageTable(judged, imageThreshold, seed),
    imagesInSequence: sequenceFigures(judged, seed),
    table3:
      samples.length === 0
        ? null
        : {
            imbalanced: casePerformance(samples, patientOf, threshold, options('cases')),
            balanced: balancedPerformance(samples, patientOf, threshold, options),
          },
    sensitivityOfAll: shareOf(positives, ({ probability }) => probability !== null && probability >= threshold),
    aucByGrade: gradeAucs(judged, options),
    ppvAtPrevalence: ppvTable(samples, patientOf, threshold, options('ppv')),
    sensitivity: {
      byLevel: subgroups(judged, threshold, ({ levels }) => levels),
      byType: subgroups(judged, threshold, ({ types }) => types),
      byGrade: subgroups(judged, threshold, ({ grade }) => (grade === null ? [] : [grade])),
    },
    calibration: { bins, expectedError: calibrationError(bins), brier: brierScore(samples) },
    localisation: localisation(truePositives),
    curve: operatingCurve(samples),
    imageCurve: thinned(operatingCurve(imageSamples(judged).samples)),
  };
}

/** Options of the bootstrap of a figure: each has a random sequence of its own. */
type OptionsOf = (figure: string) => IntervalOptions;

/** Share of the cases for which something holds; several scans of a patient count for what they are worth. */
function shareOf(cases: readonly JudgedCase[], holds: (one: JudgedCase) => boolean): Estimate | null {
  return clusteredProportion(cases.map((one) => ({ isHit: holds(one), cluster: one.patientKey })));
}

function balancedPerformance(
  samples: readonly Scored[],
  patientOf: readonly string[],
  threshold: number,
  options: OptionsOf,
): Performance {
  const chosen = balancedIndices(
    samples.map(({ label }) => label),
    options('balanced-cases').random,
  );
  return casePerformance(
    chosen.map((i) => samples[i]!),
    chosen.map((i) => patientOf[i]!),
    threshold,
    options('balanced'),
  );
}

/** Images with a known truth, with their scores. */
function imageSamples(
  cases: readonly JudgedCase[],
  scoresOf: (one: JudgedCase) => readonly number[] = (one) => one.imageProbabilities,
): { samples: Scored[]; patientOf: number[]; patients: number } {
  const samples: Scored[] = [];
  const patientOf: number[] = [];
  const patients = clusterIndices(cases.map(({ patientKey }) => patientKey));
  for (const [index, one] of cases.entries()) {
    const { sliceLabels } = one;
    for (const [slice, score] of scoresOf(one).entries()) {
      const label = sliceLabels[slice];
      if (label === null || label === undefined) continue;
      samples.push({ label, score });
      patientOf.push(patients.of[index]!);
    }
  }
  return { samples, patientOf, patients: patients.count };
}

/** Grades from easy to hard, then any others. */
const GRADES = ['obvious', 'middle', 'subtle'];

function byGrade(a: string, b: string): number {
  const place = (grade: string): number => (GRADES.includes(grade) ? GRADES.indexOf(grade) : GRADES.length);
  return place(a) - place(b) || a.localeCompare(b, 'en');
}

function gradeAucs(judged: readonly JudgedCase[], options: OptionsOf): GradeAuc[] {
  const negatives = judged.filter(({ label }) => !label);
  const grades = [...new Set(judged.flatMap(({ label, grade }) => (label && grade !== null ? [grade] : [])))].sort(
    byGrade,
  );
  return grades.map((grade) => {
    const positives = judged.filter((one) => one.label && one.grade === grade);
    return {
      grade,
      positives: positives.length,
      negatives: negatives.length,
      auc: areaUnderRoc([...positives, ...negatives], options(`grade ${grade}`)),
    };
  });
}

/** DeLong's interval, or the bootstrap over patients where one of them has several scans. */
function areaUnderRoc(cases: readonly JudgedCase[], options: IntervalOptions): Estimate | null {
  const samples = cases.map(({ label, probability }): Scored => ({ label, score: probability! }));
  const patients = clusterIndices(cases.map(({ patientKey }) => patientKey));
  if (patients.count === samples.length) return delongInterval(samples);
  const ranking = rank(samples);
  return bootstrapIntervals(
    patients.count,
    (timesDrawn) => ({
      auc: rocAuc(
        ranking,
        patients.of.map((patient) => timesDrawn[patient]!),
      ),
    }),
    options,
  ).auc;
}

function sequenceFigures(judged: readonly JudgedCase[], seed: number): Evaluation['imagesInSequence'] {
  const { samples, patientOf, patients } = imageSamples(judged, ({ sliceScores }) => sliceScores);
  if (samples.length === 0) return null;
  const stream = seededRandom('evaluate', seed, 'sequence');
  const ranking = rank(samples);
  const weights = new Float64Array(samples.length);
  return bootstrapIntervals<'auc' | 'averagePrecision'>(
    patients,
    (timesDrawn) => {
      for (let i = 0; i < weights.length; i++) weights[i] = timesDrawn[patientOf[i]!]!;
      return { auc: rocAuc(ranking, weights), averagePrecision: averagePrecision(ranking, weights) };
    },
    { replicates: imageReplicates(samples.length), random: () => stream.next() },
  );
}

/** An image-level replicate walks through all images, so large cohorts get fewer of them, at least 200. */
function imageReplicates(images: number): number {
  return Math.min(REPLICATES, Math.max(200, Math.round(2e8 / images)));
}

/** A curve of a million images has as many points; a plot shows a few hundred. */
function thinned(curve: readonly CurvePoint[]): CurvePoint[] {
  const step = Math.max(1, Math.ceil(curve.length / MOST_CURVE_POINTS));
  return curve.filter((_, i) => i % step === 0 || i === curve.length - 1);
}

function imageTable(judged: readonly JudgedCase[], threshold: number, seed: number): Evaluation['table2'] {
  const { samples, patientOf, patients } = imageSamples(judged);
  if (samples.length === 0) return null;
  const random = (name: string): (() => number) => {
    const stream = seededRandom('evaluate', seed, name);
    return () => stream.next();
  };
  const chosen = balancedIndices(
    samples.map(({ label }) => label),
    random('balanced-images'),
  );
  const replicates = imageReplicates(samples.length);
  return {
    imbalanced: imagePerformance(samples, patientOf, patients, threshold, { replicates, random: random('images') }),
    balanced: imagePerformance(
      chosen.map((i) => samples[i]!),
      chosen.map((i) => patientOf[i]!),
      patients,
      threshold,
      { replicates, random: random('images-balanced') },
    ),
  };
}

function reasons(cases: readonly JudgedCase[]): Evaluation['analysed']['notAnalysed'] {
  const groups = new Map<string, { positives: number; negatives: number }>();
  for (const { probability, reason, label } of cases) {
    if (probability !== null) continue;
    const group = groups.get(reason ?? 'not said') ?? { positives: 0, negatives: 0 };
    groups.set(reason ?? 'not said', {
      positives: group.positives + (label ? 1 : 0),
      negatives: group.negatives + (label ? 0 : 1),
    });
  }
  return [...groups].map(([reason, counts]) => ({ reason, ...counts }));
}

function ageRow(cases: readonly JudgedCase[]): AgeRow {
  const ages = meanAndDeviation(cases.map(({ ageYears }) => ageYears));
  const count = (sex: JudgedCase['sex']): number => cases.filter((one) => one.sex === sex).length;
  return {
    cases: cases.length,
    women: count('F'),
    men: count('M'),
    sexUnknown: count(null),
    ageMeanYears: ages?.mean ?? null,
    ageDeviationYears: ages?.deviation ?? null,
  };
}

function ppvTable(
  samples: readonly Scored[],
  patientOf: readonly string[],
  threshold: number,
  options: IntervalOptions,
): Evaluation['ppvAtPrevalence'] {
  const flagged = samples.map(({ score }) => score >= threshold);
  const patients = clusterIndices(patientOf);
  const named = bootstrapIntervals(
    patients.count,
    (timesDrawn) => {
      const times = patients.of.map((patient) => timesDrawn[patient]!);
      const { tpr, tnr } = ratesOf(countConfusion(repeated(samples, flagged, times), 1));
      return Object.fromEntries(
        PREVALENCES.map((prevalence) => [
          String(prevalence),
          tpr === null || tnr === null ? null : ppvAtPrevalence(tpr, tnr, prevalence),
        ]),
      );
    },
    options,
  );
  return PREVALENCES.map((prevalence) => ({ prevalence, ppv: named[String(prevalence)] ?? null }));
}

function* repeated(
  samples: readonly Scored[],
  flagged: readonly boolean[],
  times: readonly number[],
): Generator<Scored> {
  for (const [i, { label }] of samples.entries())
    for (let n = times[i]!; n > 0; n--) yield { label, score: flagged[i] ? 1 : 0 };
}

function subgroups(
  judged: readonly JudgedCase[],
  threshold: number,
  namesOf: (one: JudgedCase) => readonly string[],
): Subgroup[] {
  const positives = judged.filter(({ label }) => label);
  const names = [...new Set(positives.flatMap(namesOf))].sort(byGrade);
  return names.map((name) =>
    subgroup(
      name,
      positives.filter((one) => namesOf(one).includes(name)),
      ({ probability }) => probability! >= threshold,
    ),
  );
}

function subgroup(name: string, cases: readonly JudgedCase[], holds: (one: JudgedCase) => boolean): Subgroup {
  return { name, hits: cases.filter(holds).length, cases: cases.length, share: shareOf(cases, holds) };
}

function localisation(truePositives: readonly JudgedCase[]): Evaluation['localisation'] {
  const located = truePositives.filter((one) => one.localisation !== null);
  const pointed = located.filter(({ localisation }) => localisation!.hotspotInMask !== null);
  const ofPointed = pointed.map(({ localisation }) => localisation!);
  return {
    bestKeySliceIsBroken: subgroup(
      'best key slice shows a fracture',
      located,
      (one) => one.localisation!.keySliceHits[0] === true,
    ),
    anyKeySliceIsBroken: subgroup('any key slice shows a fracture', located, (one) =>
      one.localisation!.keySliceHits.includes(true),
    ),
    hotspotInMask: subgroup(
      'hottest cell touches the fracture',
      pointed,
      (one) => one.localisation!.hotspotInMask === true,
    ),
    medianHotspotDistanceMm: median(ofPointed.flatMap(({ hotspotDistanceMm }) => hotspotDistanceMm ?? [])),
    medianCellMm: median(ofPointed.flatMap(({ cellMm }) => cellMm ?? [])),
    hotspotByChance: meanAndDeviation(ofPointed.map(({ chance }) => chance))?.mean ?? null,
  };
}
