import type { z } from 'zod';
import type { estimate } from '../answers/sharedShapes.ts';
import { rank, rocAuc, type Scored } from './metrics.ts';

/** An estimate with its two-sided 95 % interval. */
export type Estimate = Readonly<z.infer<typeof estimate>>;

/** Half of a two-sided 95 % interval, in standard deviations of a normal distribution. */
export const Z = 1.959963984540054;

/** A proportion with Wilson's score interval (1927); null when there was nothing to count. */
export function wilsonInterval(hits: number, trials: number): Estimate | null {
  if (trials === 0) return null;
  const value = hits / trials;
  const centre = (value + (Z * Z) / (2 * trials)) / (1 + (Z * Z) / trials);
  const half =
    (Z * Math.sqrt((value * (1 - value)) / trials + (Z * Z) / (4 * trials * trials))) / (1 + (Z * Z) / trials);
  // At the ends the formula gives 0 and 1, apart from rounding.
  return { value, low: hits === 0 ? 0 : centre - half, high: hits === trials ? 1 : centre + half };
}

/** One outcome of a proportion, and the unit (a patient) whose outcomes resemble each other. */
export interface ClusteredOutcome {
  readonly isHit: boolean;
  readonly cluster: string;
}

/**
 * A proportion whose outcomes come in clusters, as the scans of one patient do: Wilson's interval for as many independent outcomes as they are worth (Rao and
 * Scott, Biometrics 1992), at most as many as there are. Where all outcomes are alike, nothing can be seen of the resemblance, and every cluster counts once.
 * Without a cluster of several it is Wilson's interval; null when there was nothing to count.
 */
export function clusteredProportion(outcomes: readonly ClusteredOutcome[]): Estimate | null {
  const trials = outcomes.length;
  const hits = outcomes.filter(({ isHit }) => isHit).length;
  const clusters = new Map<string, { hits: number; trials: number }>();
  for (const { isHit, cluster } of outcomes) {
    const sum = clusters.get(cluster) ?? { hits: 0, trials: 0 };
    clusters.set(cluster, { hits: sum.hits + (isHit ? 1 : 0), trials: sum.trials + 1 });
  }
  if (clusters.size === trials) return wilsonInterval(hits, trials);
  const value = hits / trials;
  if (hits === 0 || hits === trials) return wilsonInterval(value * clusters.size, clusters.size);
  const squares = [...clusters.values()].reduce((sum, one) => sum + (one.hits - value * one.trials) ** 2, 0);
  const variance = ((clusters.size / Math.max(1, clusters.size - 1)) * squares) / trials ** 2;
  const worth = Math.min(trials, (value * (1 - value)) / variance);
  return wilsonInterval(value * worth, worth);
}

/**
 * Area under the ROC curve with DeLong's interval (1988), on the logit scale so that it stays within 0..1. Where every positive lies
 * above every negative, or below, the variance is zero: the bound is then that of Wilson for the smaller class. If all scores are equal, it is 0 to 1.
 * Null when a class has fewer than two samples. `training/odontoid_training/evaluate.py` computes the same; one table of tests holds both.
 */
export function delongInterval(samples: readonly Scored[]): Estimate | null {
  const positives = samples.filter(({ label }) => label).map(({ score }) => score);
  const negatives = samples.filter(({ label }) => !label).map(({ score }) => score);
  if (positives.length < 2 || negatives.length < 2) return null;
  const value = rocAuc(rank(samples))!;
  const smaller = Math.min(positives.length, negatives.length);
  // The share of the other class that each sample beats: its structural component.
  const wins = sharesBelow(positives, negatives);
  const losses = sharesBelow(negatives, positives);
  const variance = sampleVariance(wins) / positives.length + sampleVariance(losses) / negatives.length;
  if (value === 0 || value === 1) return { ...wilsonInterval(value * smaller, smaller)!, value };
  if (variance === 0) return { value, low: 0, high: 1 };
  const logit = Math.log(value / (1 - value));
  const half = (Z * Math.sqrt(variance)) / (value * (1 - value));
  return { value, low: 1 / (1 + Math.exp(half - logit)), high: 1 / (1 + Math.exp(-half - logit)) };
}

/** For each value the share of `others` below it; ties count one half. */
function sharesBelow(values: readonly number[], others: readonly number[]): number[] {
  const sorted = Float64Array.from(others).sort();
  return values.map((value) => (firstAtLeast(sorted, value) + countAtMost(sorted, value)) / (2 * sorted.length));
}

function firstAtLeast(sorted: ArrayLike<number>, value: number): number {
  return bisect(sorted, (entry) => entry >= value);
}

/** How many of the ascending values are no greater than `value`. */
export function countAtMost(sorted: ArrayLike<number>, value: number): number {
  return bisect(sorted, (entry) => entry > value);
}

function bisect(sorted: ArrayLike<number>, isBeyond: (entry: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBeyond(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Mean and sample standard deviation (n - 1) of the defined values; null without values, deviation null for one. */
export function meanAndDeviation(
  values: readonly (number | null)[],
): { mean: number; deviation: number | null; count: number } | null {
  const defined = values.filter((value) => value !== null);
  if (defined.length === 0) return null;
  const mean = defined.reduce((sum, value) => sum + value, 0) / defined.length;
  return { mean, deviation: defined.length < 2 ? null : Math.sqrt(sampleVariance(defined)), count: defined.length };
}

function sampleVariance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Uniform in [0, 1). */
export type Uniform = () => number;

export interface BootstrapOptions {
  readonly replicates: number;
  readonly random: Uniform;
}

/**
 * Percentile bootstrap of several figures at once. Units (cases, with all their images) are drawn with replacement, because samples within a
 * unit are not independent; `measure` gets how often each unit was drawn. A replicate in which a figure is undefined is skipped for that figure.
 */
export function bootstrapIntervals<Name extends string>(
  units: number,
  measure: (timesDrawn: Uint32Array) => Readonly<Record<Name, number | null>>,
  { replicates, random }: BootstrapOptions,
): Record<Name, Estimate | null> {
  const timesDrawn = new Uint32Array(units).fill(1);
  const values = measure(timesDrawn);
  const names = Object.keys(values) as Name[];
  const drawn = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let replicate = 0; units > 0 && replicate < replicates; replicate++) {
    timesDrawn.fill(0);
    for (let i = 0; i < units; i++) timesDrawn[Math.floor(random() * units)]!++;
    const measured = measure(timesDrawn);
    for (const name of names) if (measured[name] !== null) drawn[name].push(measured[name]);
  }
  return Object.fromEntries(
    names.map((name) => {
      const value = values[name];
      if (value === null || drawn[name].length === 0) return [name, null];
      const sorted = Float64Array.from(drawn[name]).sort();
      return [name, { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }];
    }),
  ) as Record<Name, Estimate | null>;
}

/** Linear interpolation between neighbours, as in NumPy. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (position - below);
}
