import {
  bootstrapIntervals,
  clusteredProportion,
  delongInterval,
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

/**
 * Patients are independent, their scans are not (`patientOf[i]`: the patient of sample i): for proportions Wilson's interval for what the scans are worth, for
 * the area DeLong's, or the bootstrap over patients where one of them has several scans, and the bootstrap for the rest.
 */
export function casePerformance(
  samples: readonly Scored[],
  patientOf: readonly string[],
  threshold: number,
  options: IntervalOptions,
): Performance {
  const patients = clusterIndices(patientOf);
  const resampled = resampledPerformance(samples, patients.of, patients.count, threshold, options);
  const judged = samples.map(({ label, score }, i) => ({ label, flagged: score >= threshold, cluster: patientOf[i]! }));
  const share = (of: (one: (typeof judged)[number]) => boolean, is: (one: (typeof judged)[number]) => boolean) =>
    clusteredProportion(judged.filter(of).map((one) => ({ isHit: is(one), cluster: one.cluster })));
  return {
    ...resampled,
    figures: {
      ...resampled.figures,
      tpr: share(
        ({ label }) => label,
        ({ flagged }) => flagged,
      ),
      tnr: share(
        ({ label }) => !label,
        ({ flagged }) => !flagged,
      ),
      ppv: share(
        ({ flagged }) => flagged,
        ({ label }) => label,
      ),
      npv: share(
        ({ flagged }) => !flagged,
        ({ label }) => !label,
      ),
      accuracy: share(
        () => true,
        ({ label, flagged }) => label === flagged,
      ),
      auc:
        patients.count === samples.length ? (delongInterval(samples) ?? resampled.figures.auc) : resampled.figures.auc,
    },
  };
}

/** Clusters numbered from 0 in the order in which they come. */
export function clusterIndices(clusterOf: readonly string[]): { of: number[]; count: number } {
  const numbers = new Map<string, number>();
  for (const cluster of clusterOf) if (!numbers.has(cluster)) numbers.set(cluster, numbers.size);
  return { of: clusterOf.map((cluster) => numbers.get(cluster)!), count: numbers.size };
}

/** Images of one patient are not independent: all intervals are by bootstrap over the patients (`patientOf[i]`: the patient of sample i, from 0). */
export function imagePerformance(
  samples: readonly Scored[],
  patientOf: readonly number[],
  patients: number,
  threshold: number,
  options: IntervalOptions,
): Performance {
  return resampledPerformance(samples, patientOf, patients, threshold, options);
}

function resampledPerformance(
  samples: readonly Scored[],
  clusterOf: readonly number[],
  clusters: number,
  threshold: number,
  options: IntervalOptions,
): Performance {
  const ranking = rank(samples);
  const weights = new Float64Array(samples.length);
  const confusion = countConfusion(samples, threshold);
  const figures = bootstrapIntervals(
    clusters,
    (timesDrawn) => {
      let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0];
      for (const [i, { label, score }] of samples.entries()) {
        const weight = timesDrawn[clusterOf[i]!]!;
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
