import { Z, type Estimate } from './intervals.ts';
import type { Scored } from './metrics.ts';

/** How given probabilities relate to what was found (Van Calster et al., BMC Medicine 2019). */
export interface CalibrationFigures {
  /**
   * Calibration in the large: what must be added to every probability on the logit scale so that their sum is that of the positives. 0 is right; below 0 the
   * probabilities are too high.
   */
  readonly inTheLarge: Estimate | null;
  /** Slope of the truth over the logit of the probability. 1 is right; below 1 the probabilities are too extreme. */
  readonly slope: Estimate | null;
}

/** Probabilities of 0 and 1 have no logit: they count as this far from it. */
const LEAST_PROBABILITY = 1e-6;
/** Nearer to 0 or 1 than any network's output of 32 bits: a recalibration keeps the order of all of them. */
const NEAREST_TO_CERTAIN = 1e-12;
const MOST_STEPS = 100;
/** A longer step of Newton's method goes astray where all probabilities are near 0 or 1. */
const LONGEST_STEP = 2;
const CLOSE_ENOUGH = 1e-9;
/** A fit beyond these is running away: a threshold parts positives and negatives completely. */
const MOST_EXTREME = 50;

/**
 * Calibration in the large and slope by logistic regression on the logit of the probability, with 95 % intervals from the variance between clusters
 * (`clusterOf[i]`: the patient of sample i). Null where a class is empty, where the fit does not exist, and with a single cluster.
 */
export function calibrationFigures(samples: readonly Scored[], clusterOf: readonly string[]): CalibrationFigures {
  const points = samples.map(({ label, score }, i) => {
    return { y: label ? 1 : 0, logit: logitOf(score, LEAST_PROBABILITY), cluster: clusterOf[i]! };
  });
  const shift = logisticFit(points.map(({ y, logit, cluster }) => ({ y, terms: [1], offset: logit, cluster })));
  const line = logisticFit(points.map(({ y, logit, cluster }) => ({ y, terms: [1, logit], offset: 0, cluster })));
  return { inTheLarge: shift?.[0] ?? null, slope: line?.[1] ?? null };
}

/** A map of probabilities on the logit scale: intercept + slope times the logit. */
export interface Recalibration {
  readonly intercept: number;
  readonly slope: number;
}

/** A recalibration with 95 % intervals, and the cases that it was fitted to. */
export interface FittedRecalibration {
  readonly intercept: Estimate;
  readonly slope: Estimate;
  readonly cases: number;
  readonly positives: number;
}

/**
 * The map that makes probabilities right for samples of which each stands for `weights[i]` cases (Platt's form of logistic regression), with 95 % intervals from
 * the variance between clusters. Null where a class is empty or the fit does not exist.
 */
export function recalibrationOf(
  samples: readonly Scored[],
  weights: readonly number[],
  clusterOf: readonly string[],
): FittedRecalibration | null {
  const line = logisticFit(
    samples.map(({ label, score }, i) => ({
      y: label ? 1 : 0,
      terms: [1, logitOf(score, LEAST_PROBABILITY)],
      offset: 0,
      weight: weights[i]!,
      cluster: clusterOf[i]!,
    })),
  );
  return line === null
    ? null
    : {
        intercept: line[0]!,
        slope: line[1]!,
        cases: samples.length,
        positives: samples.filter(({ label }) => label).length,
      };
}

/** A probability after a recalibration; the order of probabilities stays as it is where the slope is above 0. */
export function recalibrated(probability: number, { intercept, slope }: Recalibration): number {
  return 1 / (1 + Math.exp(-intercept - slope * logitOf(probability, NEAREST_TO_CERTAIN)));
}

/** What one recalibration after another is. */
export function composed(first: Recalibration, then: Recalibration): Recalibration {
  return { intercept: then.intercept + then.slope * first.intercept, slope: then.slope * first.slope };
}

function logitOf(probability: number, least: number): number {
  const inside = Math.min(1 - least, Math.max(least, probability));
  return Math.log(inside / (1 - inside));
}

interface Observation {
  readonly y: number;
  /** How many cases it stands for; 1 where nothing is said. */
  readonly weight?: number;
  /** The value of each variable whose coefficient is fitted. */
  readonly terms: readonly number[];
  /** Added to the linear predictor as it is. */
  readonly offset: number;
  readonly cluster: string;
}

/** Maximum likelihood by Newton's method, with intervals from the sandwich variance of clusters (Liang and Zeger, Biometrika 1986). Null where it does not exist. */
function logisticFit(observations: readonly Observation[]): Estimate[] | null {
  const of = observations[0]?.terms.length ?? 0;
  let coefficients = new Array<number>(of).fill(0);
  for (let step = 0; step < MOST_STEPS; step++) {
    const { gradient, information } = derivatives(observations, coefficients);
    const inverse = inverseOf(information);
    if (inverse === null) return null;
    const change = times(inverse, gradient);
    const scale = Math.min(1, LONGEST_STEP / Math.max(...change.map(Math.abs)));
    coefficients = coefficients.map((value, i) => value + scale * change[i]!);
    if (coefficients.some((value) => Math.abs(value) > MOST_EXTREME)) return null;
    if (change.every((value) => Math.abs(value) < CLOSE_ENOUGH))
      return withIntervals(observations, coefficients, inverse);
  }
  return null;
}

function withIntervals(
  observations: readonly Observation[],
  coefficients: readonly number[],
  inverse: readonly (readonly number[])[],
): Estimate[] | null {
  const clusters = new Map<string, Observation[]>();
  for (const one of observations) clusters.set(one.cluster, [...(clusters.get(one.cluster) ?? []), one]);
  if (clusters.size < 2) return null;
  // The variance of a coefficient: how much it moves with each cluster, squared and summed.
  const variances = coefficients.map(() => 0);
  for (const members of clusters.values()) {
    const moves = times(inverse, derivatives(members, coefficients).gradient);
    for (const [i, move] of moves.entries()) variances[i]! += move * move * (clusters.size / (clusters.size - 1));
  }
  return coefficients.map((value, i) => {
    const half = Z * Math.sqrt(variances[i]!);
    return { value, low: value - half, high: value + half };
  });
}

/** Gradient of the log likelihood, and its negative second derivatives. */
function derivatives(
  observations: readonly Observation[],
  coefficients: readonly number[],
): { gradient: number[]; information: number[][] } {
  const gradient = coefficients.map(() => 0);
  const information = coefficients.map(() => coefficients.map(() => 0));
  for (const { y, terms, offset, weight = 1 } of observations) {
    const p = 1 / (1 + Math.exp(-terms.reduce((sum, term, i) => sum + term * coefficients[i]!, offset)));
    for (const [i, term] of terms.entries()) {
      gradient[i]! += weight * (y - p) * term;
      for (const [j, other] of terms.entries()) information[i]![j]! += weight * p * (1 - p) * term * other;
    }
  }
  return { gradient, information };
}

/** Of a matrix of up to two rows; null where it has none. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] | null {
  const [[a, b] = [], [, d] = []] = matrix;
  if (a === undefined) return null;
  if (b === undefined || d === undefined) return a > 0 ? [[1 / a]] : null;
  const determinant = a * d - b * b;
  if (!(determinant > 1e-12 * a * d)) return null;
  return [
    [d / determinant, -b / determinant],
    [-b / determinant, a / determinant],
  ];
}

function times(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  return matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));
}
