/** One judged image or case: its truth and its score. */
export interface Scored {
  readonly label: boolean;
  /** Greater is more suspicious; a probability when calibration is measured. */
  readonly score: number;
}

export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/** The paper's columns at one threshold, 0..1 (MCC: -1..1); null when the cohort leaves a figure undefined. */
export interface Rates {
  /** Sensitivity. */
  readonly tpr: number | null;
  /** Specificity. */
  readonly tnr: number | null;
  readonly ppv: number | null;
  readonly npv: number | null;
  readonly f1: number | null;
  readonly accuracy: number | null;
  /** Matthews' correlation coefficient; null when one of the four margins is empty. */
  readonly mcc: number | null;
  /** Mean of TPR and TNR: the area under the curve of a binary decision, which the paper's tables print as AUC. */
  readonly balancedAccuracy: number | null;
}

/** Counts decisions; a score at or above the threshold is positive, as in the agent. */
export function countConfusion(samples: Iterable<Scored>, threshold: number): Confusion {
  let truePositives = 0;
  let falsePositives = 0;
  let trueNegatives = 0;
  let falseNegatives = 0;
  for (const { label, score } of samples) {
    if (score >= threshold) {
      if (label) truePositives++;
      else falsePositives++;
    } else if (label) falseNegatives++;
    else trueNegatives++;
  }
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

export function ratesOf({
  truePositives: tp,
  falsePositives: fp,
  trueNegatives: tn,
  falseNegatives: fn,
}: Confusion): Rates {
  const tpr = ratio(tp, tp + fn);
  const tnr = ratio(tn, tn + fp);
  return {
    tpr,
    tnr,
    ppv: ratio(tp, tp + fp),
    npv: ratio(tn, tn + fn),
    f1: ratio(2 * tp, 2 * tp + fp + fn),
    accuracy: ratio(tp + tn, tp + fp + tn + fn),
    // One root at a time: the product of four margins of a million images exceeds exact numbers.
    mcc: ratio(tp * tn - fp * fn, Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn)),
    balancedAccuracy: tpr === null || tnr === null ? null : (tpr + tnr) / 2,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** PPV of a test in another population, by Bayes' rule; null when nothing would be flagged. */
export function ppvAtPrevalence(sensitivity: number, specificity: number, prevalence: number): number | null {
  const hits = sensitivity * prevalence;
  return ratio(hits, hits + (1 - specificity) * (1 - prevalence));
}

/** Samples by falling score, with their ties: sorted once, weighted often (see `intervals.ts`). */
export interface Ranking {
  /** Indices of the samples, by falling score. */
  readonly order: Uint32Array;
  /** `isLast[i]`: the sample at rank i is the last of those with its score. */
  readonly isLast: Uint8Array;
  readonly labels: Uint8Array;
}

/** @throws RangeError for a score that is not a number: it has no rank. */
export function rank(samples: readonly Scored[]): Ranking {
  const wrong = samples.find(({ score }) => Number.isNaN(score));
  if (wrong !== undefined) throw new RangeError('A score is not a number.');
  const order = Uint32Array.from(samples.keys()).sort((a, b) => samples[b]!.score - samples[a]!.score);
  const isLast = Uint8Array.from(order, (index, i) =>
    i + 1 === order.length || samples[order[i + 1]!]!.score !== samples[index]!.score ? 1 : 0,
  );
  return { order, isLast, labels: Uint8Array.from(samples, ({ label }) => (label ? 1 : 0)) };
}

/** Walks down the ranking and reports the weight of positives and negatives at or above each distinct score. */
function sweep(
  { order, isLast, labels }: Ranking,
  weights: ArrayLike<number> | null,
  visit: (positive: number, negative: number, sample: number) => void,
): void {
  let positive = 0;
  let negative = 0;
  for (let i = 0; i < order.length; i++) {
    const sample = order[i]!;
    const weight = weights === null ? 1 : weights[sample]!;
    if (labels[sample] === 1) positive += weight;
    else negative += weight;
    if (isLast[i] === 1) visit(positive, negative, sample);
  }
}

/** Area under the ROC curve: the probability that a positive scores above a negative, ties half. Null when a class is empty. */
export function rocAuc(ranking: Ranking, weights: ArrayLike<number> | null = null): number | null {
  let area = 0;
  let before = { positive: 0, negative: 0 };
  sweep(ranking, weights, (positive, negative) => {
    area += (negative - before.negative) * ((positive + before.positive) / 2);
    before = { positive, negative };
  });
  return ratio(area, before.positive * before.negative);
}

/** Average precision: the mean over the positives of the precision at their score, the step-wise area under the PR curve. Null without positives. */
export function averagePrecision(ranking: Ranking, weights: ArrayLike<number> | null = null): number | null {
  let area = 0;
  let before = 0;
  sweep(ranking, weights, (positive, negative) => {
    if (positive > before) area += (positive - before) * (positive / (positive + negative));
    before = positive;
  });
  return ratio(area, before);
}

export interface CurvePoint {
  /** Positive at or above it. */
  readonly threshold: number;
  readonly fpr: number;
  readonly tpr: number;
  readonly precision: number;
}

/** Every operating point that the samples distinguish, from the strictest down; empty when a class is empty. */
export function operatingCurve(samples: readonly Scored[]): CurvePoint[] {
  const positives = samples.reduce((count, { label }) => count + (label ? 1 : 0), 0);
  const negatives = samples.length - positives;
  if (positives === 0 || negatives === 0) return [];
  const points: CurvePoint[] = [];
  sweep(rank(samples), null, (positive, negative, sample) => {
    points.push({
      threshold: samples[sample]!.score,
      fpr: negative / negatives,
      tpr: positive / positives,
      precision: positive / (positive + negative),
    });
  });
  return points;
}

/** Mean squared difference of probability and truth; null without samples. */
export function brierScore(samples: readonly Scored[]): number | null {
  return ratio(
    samples.reduce((sum, { label, score }) => sum + (score - (label ? 1 : 0)) ** 2, 0),
    samples.length,
  );
}

export interface ReliabilityBin {
  /** The bin holds low < probability <= high; the first one holds 0 too. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly positives: number;
  /** Of the probabilities in the bin; null when it is empty. */
  readonly meanProbability: number | null;
}

/** Bins of equal width over 0..1. */
export function reliabilityBins(samples: readonly Scored[], bins = 10): ReliabilityBin[] {
  const count = new Uint32Array(bins);
  const positives = new Uint32Array(bins);
  const sum = new Float64Array(bins);
  for (const { label, score } of samples) {
    const bin = Math.max(0, Math.ceil(score * bins) - 1);
    count[bin]!++;
    sum[bin]! += score;
    if (label) positives[bin]!++;
  }
  return Array.from(count, (n, bin) => ({
    low: bin / bins,
    high: (bin + 1) / bins,
    count: n,
    positives: positives[bin]!,
    meanProbability: ratio(sum[bin]!, n),
  }));
}

/** Expected calibration error: the mean over the samples of |mean probability - share of positives| of their bin; null without samples. */
export function calibrationError(bins: readonly ReliabilityBin[]): number | null {
  const samples = bins.reduce((sum, { count }) => sum + count, 0);
  const gaps = bins.reduce(
    (sum, { count, positives, meanProbability }) => sum + Math.abs(count * (meanProbability ?? 0) - positives),
    0,
  );
  return ratio(gaps, samples);
}
