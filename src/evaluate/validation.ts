import { calibrationFigures, type CalibrationFigures } from '../statistics/calibration.ts';
import { clusteredProportion, type Estimate } from '../statistics/intervals.ts';
import { operatingCurve, type CurvePoint } from '../statistics/metrics.ts';
import { evaluateCases, type Evaluation, type EvaluationQuestion } from './evaluation.ts';
import type { JudgedCase } from './judgedCase.ts';

/** A share of cases, counts first. */
export interface Count {
  readonly hits: number;
  readonly cases: number;
  /** Null without cases. */
  readonly share: Estimate | null;
}

/** Cases that have a scanner, an age or another trait in common. */
export interface Stratum {
  readonly name: string;
  readonly sensitivity: Count;
  readonly specificity: Count;
  /** Of the group's cases, those that got a number. */
  readonly analysed: Count;
}

/** What the cases are grouped by. */
const TRAITS = ['scanner', 'kernel', 'sliceThickness', 'age', 'sex', 'level'] as const;
export type Trait = (typeof TRAITS)[number];

/** What the site wants of an operating point. */
export interface Wishes {
  /** The threshold with the fewest flags that reaches this sensitivity. */
  readonly sensitivity: number | null;
  /** The threshold with the most flags that makes no more than these a day, of `scansPerDay` scans. */
  readonly flagsPerDay: number | null;
  readonly scansPerDay: number | null;
  /** Share of the site's scans with a fracture; null: as in the cases. */
  readonly prevalence: number | null;
}

/** A threshold and what it does to these cases. */
export interface OperatingPoint {
  /** In force, or which wish it fulfils. */
  readonly why: 'in-force' | 'sensitivity' | 'flags';
  readonly threshold: number;
  readonly sensitivity: Count;
  readonly specificity: Count;
  /** Flags to be expected a day; null where the number of scans is not said or a class is empty. */
  readonly flagsPerDay: number | null;
}

/** A local validation: the figures of `evaluate` on these cases, and what a site asks beyond them. */
export interface Validation {
  readonly evaluation: Evaluation;
  readonly patients: number;
  /** Analysed cases of each class. */
  readonly positives: number;
  readonly negatives: number;
  readonly strata: readonly { readonly trait: Trait; readonly groups: readonly Stratum[] }[];
  readonly calibration: CalibrationFigures;
  readonly points: readonly OperatingPoint[];
  /** Wishes that no threshold fulfils on these cases. */
  readonly unfulfilled: readonly ('sensitivity' | 'flags')[];
  /** Analysed cases that were decided wrongly, the worst first. */
  readonly missed: readonly string[];
  readonly falseFlags: readonly string[];
}

export interface ValidationQuestion extends EvaluationQuestion {
  readonly wishes: Wishes;
}

/** Computes every figure of a local validation; depends on the arguments alone. */
export function validateCases(question: ValidationQuestion): Validation {
  const { cases, threshold, wishes } = question;
  const judged = cases.filter((one) => one.probability !== null);
  const positives = judged.filter(({ label }) => label);
  const negatives = judged.filter(({ label }) => !label);
  const { points, unfulfilled } = operatingPoints(judged, threshold, wishes);
  const byProbability = (a: JudgedCase, b: JudgedCase): number => a.probability! - b.probability!;
  return {
    evaluation: evaluateCases(question),
    patients: new Set(cases.map(({ patientKey }) => patientKey)).size,
    positives: positives.length,
    negatives: negatives.length,
    strata: TRAITS.map((trait) => ({ trait, groups: strataOf(cases, threshold, trait) })),
    calibration: calibrationFigures(
      judged.map(({ label, probability }) => ({ label, score: probability! })),
      judged.map(({ patientKey }) => patientKey),
    ),
    points,
    unfulfilled,
    missed: idsOf(positives.filter(({ probability }) => probability! < threshold).sort(byProbability)),
    falseFlags: idsOf(
      negatives.filter(({ probability }) => probability! >= threshold).sort((a, b) => byProbability(b, a)),
    ),
  };
}

const idsOf = (cases: readonly JudgedCase[]): string[] => cases.map(({ id }) => id);

const NOT_STATED = 'not stated';
/** Upper ends of the groups, in the order of the report. */
const THICKNESSES_MM = [1, 2, 3, Infinity];
const AGES_YEARS = [40, 65, 80, Infinity];

/** Names of the groups that a case belongs to, with their place in the report. */
const GROUPS_OF: Readonly<Record<Trait, (one: JudgedCase) => readonly { name: string; place: number }[]>> = {
  scanner: ({ scanner }) => [named(scanner)],
  kernel: ({ kernel }) => [named(kernel)],
  sliceThickness: ({ sliceThicknessMm: mm }) => [
    banded(
      mm,
      THICKNESSES_MM,
      (value, end) => value <= end,
      (from, to) => (to === Infinity ? `over ${from} mm` : from === 0 ? `up to ${to} mm` : `over ${from} to ${to} mm`),
    ),
  ],
  age: ({ ageYears }) => [
    banded(
      ageYears,
      AGES_YEARS,
      (value, end) => value < end,
      (from, to) =>
        to === Infinity ? `${from} years and over` : from === 0 ? `under ${to} years` : `${from} to ${to - 1} years`,
    ),
  ],
  sex: ({ sex }) => [named(sex === null ? null : { F: 'women', M: 'men' }[sex])],
  level: ({ levels }) => levels.map((level) => named(level)),
};

function named(name: string | null): { name: string; place: number } {
  return name === null ? { name: NOT_STATED, place: 1 } : { name, place: 0 };
}

function banded(
  value: number | null,
  ends: readonly number[],
  isWithin: (value: number, end: number) => boolean,
  words: (from: number, to: number) => string,
): { name: string; place: number } {
  if (value === null) return { name: NOT_STATED, place: ends.length };
  const band = ends.findIndex((end) => isWithin(value, end));
  return { name: words(ends[band - 1] ?? 0, ends[band]!), place: band };
}

/** Sensitivity by level is that of the cases with a fracture there; a case without one has no level. */
function strataOf(cases: readonly JudgedCase[], threshold: number, trait: Trait): Stratum[] {
  const groups = new Map<string, { place: number; cases: JudgedCase[] }>();
  for (const one of cases)
    for (const { name, place } of GROUPS_OF[trait](one)) {
      const group = groups.get(name) ?? { place, cases: [] };
      group.cases.push(one);
      groups.set(name, group);
    }
  return [...groups]
    .sort(([a, first], [b, second]) => first.place - second.place || a.localeCompare(b, 'en'))
    .map(([name, { cases: own }]) => ({
      name,
      ...decided(own, threshold),
      analysed: count(own, (one) => one.probability !== null),
    }));
}

/** Sensitivity and specificity among the analysed cases. */
function decided(cases: readonly JudgedCase[], threshold: number): Pick<Stratum, 'sensitivity' | 'specificity'> {
  const judged = cases.filter(({ probability }) => probability !== null);
  return {
    sensitivity: count(
      judged.filter(({ label }) => label),
      ({ probability }) => probability! >= threshold,
    ),
    specificity: count(
      judged.filter(({ label }) => !label),
      ({ probability }) => probability! < threshold,
    ),
  };
}

function count(cases: readonly JudgedCase[], holds: (one: JudgedCase) => boolean): Count {
  const outcomes = cases.map((one) => ({ isHit: holds(one), cluster: one.patientKey }));
  return {
    hits: outcomes.filter(({ isHit }) => isHit).length,
    cases: cases.length,
    share: clusteredProportion(outcomes),
  };
}

function operatingPoints(
  judged: readonly JudgedCase[],
  inForce: number,
  wishes: Wishes,
): Pick<Validation, 'points' | 'unfulfilled'> {
  const curve = operatingCurve(judged.map(({ label, probability }) => ({ label, score: probability! })));
  const prevalence = wishes.prevalence ?? judged.filter(({ label }) => label).length / judged.length;
  const flagsOf = ({ tpr, fpr }: Pick<CurvePoint, 'tpr' | 'fpr'>): number | null =>
    wishes.scansPerDay === null ? null : wishes.scansPerDay * (prevalence * tpr + (1 - prevalence) * fpr);
  const pointAt = (why: OperatingPoint['why'], threshold: number): OperatingPoint => {
    const { sensitivity, specificity } = decided(judged, threshold);
    const known = sensitivity.share !== null && specificity.share !== null;
    return {
      why,
      threshold,
      sensitivity,
      specificity,
      flagsPerDay: known ? flagsOf({ tpr: sensitivity.share.value, fpr: 1 - specificity.share.value }) : null,
    };
  };
  // The curve runs from the strictest threshold down.
  const found = {
    sensitivity: curve.find(({ tpr }) => tpr >= (wishes.sensitivity ?? Infinity)),
    flags: curve.findLast((point) => (flagsOf(point) ?? Infinity) <= (wishes.flagsPerDay ?? -1)),
  };
  const asked = { sensitivity: wishes.sensitivity !== null, flags: wishes.flagsPerDay !== null };
  const wished = (['sensitivity', 'flags'] as const).filter((wish) => asked[wish]);
  return {
    points: [
      pointAt('in-force', inForce),
      ...wished.flatMap((wish) => (found[wish] === undefined ? [] : [pointAt(wish, found[wish].threshold)])),
    ],
    unfulfilled: wished.filter((wish) => found[wish] === undefined),
  };
}
