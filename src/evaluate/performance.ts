import {
  bootstrapIntervals,
  delongInterval,
  wilsonInterval,
  type Estimate,
  type Uniform,
} from '../statistics/intervals.ts';
import {
  averagePrecision,
  countConfusion,
  rank,
  ratesOf,
  rocAuc,
  type Confusion,
  type Scored,
} from '../statistics/metrics.ts';

/** The columns of the paper's Tables 2 and 3, and those that they lack. */
export const FIGURES = [
  'tpr',
  'tnr',
  'ppv',
  'npv',
  'f1',
  'accuracy',
  'mcc',
  'auc',
  'balancedAccuracy',
  'averagePrecision',
] as const;
export type Figure = (typeof FIGURES)[number];
export type Figures = Readonly<Record<Figure, number | null>>;
type FigureEstimates = Readonly<Record<Figure, Estimate | null>>;

/** One row of a table. */
export interface Performance {
  readonly positives: number;
  readonly negatives: number;
  readonly confusion: Confusion;
  readonly figures: FigureEstimates;
}

export interface IntervalOptions {
  readonly replicates: number;
  readonly random: Uniform;
}

/** Every figure at a threshold, without intervals. */
export function figuresOf(samples: readonly Scored[], threshold: number): Figures {
  const ranking = rank(samples);
  const { tpr, tnr, ppv, npv, f1, accuracy, mcc, balancedAccuracy } = ratesOf(countConfusion(samples, threshold));
  return {
    tpr,
    tnr,
    ppv,
    npv,
    f1,
    accuracy,
    mcc,
    auc: rocAuc(ranking),
    balancedAccuracy,
    averagePrecision: averagePrecision(ranking),
  };
}

/** Cases are independent: Wilson for proportions, DeLong for the area, the bootstrap for the rest. */
export function casePerformance(samples: readonly Scored[], threshold: number, options: IntervalOptions): Performance {
  const resampled = resampledPerformance(
    samples,
    samples.map((_, i) => i),
    samples.length,
    threshold,
    options,
  );
  const { truePositives: tp, falsePositives: fp, trueNegatives: tn, falseNegatives: fn } = resampled.confusion;
  return {
    ...resampled,
    figures: {
      ...resampled.figures,
      tpr: wilsonInterval(tp, tp + fn),
      tnr: wilsonInterval(tn, tn + fp),
      ppv: wilsonInterval(tp, tp + fp),
      npv: wilsonInterval(tn, tn + fn),
      accuracy: wilsonInterval(tp + tn, samples.length),
      auc: delongInterval(samples) ?? resampled.figures.auc,
    },
  };
}

/** Images of one case are not independent: all intervals are by bootstrap over the cases (`caseOf[i]`: the case of sample i). */
export function imagePerformance(
  samples: readonly Scored[],
  caseOf: readonly number[],
  cases: number,
  threshold: number,
  options: IntervalOptions,
): Performance {
  return resampledPerformance(samples, caseOf, cases, threshold, options);
}

function resampledPerformance(
  samples: readonly Scored[],
  caseOf: readonly number[],
  cases: number,
  threshold: number,
  options: IntervalOptions,
): Performance {
  const ranking = rank(samples);
  const weights = new Float64Array(samples.length);
  const confusion = countConfusion(samples, threshold);
  const figures = bootstrapIntervals(
    cases,
    (timesDrawn) => {
      let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0];
      for (const [i, { label, score }] of samples.entries()) {
        const weight = timesDrawn[caseOf[i]!]!;
        weights[i] = weight;
        if (score >= threshold) {
          if (label) truePositives += weight;
          else falsePositives += weight;
        } else if (label) falseNegatives += weight;
        else trueNegatives += weight;
      }
      return {
        ...ratesOf({ truePositives, falsePositives, trueNegatives, falseNegatives }),
        auc: rocAuc(ranking, weights),
        averagePrecision: averagePrecision(ranking, weights),
      };
    },
    options,
  );
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = confusion;
  return { positives: truePositives + falseNegatives, negatives: trueNegatives + falsePositives, confusion, figures };
}

/** Equal numbers of both classes: all of the smaller one, and as many of the larger one, drawn without replacement. The paper's balanced sets. */
export function balancedIndices(labels: readonly boolean[], random: Uniform): number[] {
  const all = [...labels.keys()];
  const positives = all.filter((i) => labels[i]);
  const negatives = all.filter((i) => !labels[i]);
  const [smaller, larger] = positives.length <= negatives.length ? [positives, negatives] : [negatives, positives];
  for (let i = 0; i < smaller.length; i++) {
    const j = i + Math.floor(random() * (larger.length - i));
    [larger[i], larger[j]] = [larger[j]!, larger[i]!];
  }
  return [...smaller, ...larger.slice(0, smaller.length)].sort((a, b) => a - b);
}
