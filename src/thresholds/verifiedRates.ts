import type { Proportion, RuleFigures } from '../answers/thresholdAnswers.ts';
import { seededRandom } from '../base/random.ts';
import { bootstrapIntervals, delongInterval, wilsonInterval, type Estimate } from '../statistics/intervals.ts';
import type { ScoredScan } from './scoredScan.ts';

/** The three shares of one decision rule. */
type Rates = Pick<RuleFigures, 'sensitivity' | 'specificity' | 'ppv'>;

/** Figures of rules 1 to `levels`, and the area under the ROC curve through them; null where nothing can be said. */
export interface VerifiedRates {
  rules: Rates[];
  area: Estimate | null;
}

const REPLICATES = 200;
/** Below this number of known cases only counts are given, no percentage. */
const FEWEST_FOR_A_PERCENTAGE = 10;
/** With a 95 % interval wider than this, the figure is too uncertain to decide by. */
const WIDEST_INTERVAL = 0.2;

/** Scans that were decided alike when they arrived: not flagged, flagged, and those of which it is not on record. */
const GROUPS = [false, true, null] as const;
const EACH_ONCE = GROUPS.map(() => 1);

/** The scans as parallel arrays, in their order. */
interface Sample {
  levels: number;
  levelOf: Uint16Array;
  group: Uint8Array;
  fracture: readonly (boolean | null)[];
  /** Index of the patient, 0 to `patients`. */
  patient: Uint32Array;
  patients: number;
}

/** Weights of the known scans at each level and above; index 0 holds them all. */
interface Tally {
  fractures: Float64Array;
  others: Float64Array;
}

/**
 * Sensitivity, specificity and predictive value as they would be if the truth of every scan were known (Begg and Greenes, Biometrics 1983).
 *
 * Readers verify nearly every flagged scan and few of the others, so the known scans alone give too high a sensitivity and too low a specificity.
 * Each known scan therefore stands for the scans that were decided like it when they arrived: it weighs as much as the inverse of the share of them whose
 * truth is known. This holds as long as readers choose what to verify by the decision and not by the truth.
 * The counts are those of the known scans. The 95 % intervals come from a bootstrap over patients; they are Wilson's where verification was even and no patient counts twice.
 *
 * @param levelOf from 0 to `levels`; rule k flags the scans of level k and above
 */
export function verifiedRates(
  scans: readonly ScoredScan[],
  levels: number,
  levelOf: (scan: ScoredScan) => number,
): VerifiedRates {
  const sample = sampleOf(scans, levels, levelOf);
  const counts = tally(sample, EACH_ONCE, null);
  const groups = groupCounts(sample, null);
  const estimates = isEven(sample, groups) ? null : bootstrapped(sample, counts, groups);
  const unverifiedUpTo = highestUnverified(sample, groups);
  const [fractures, others] = [counts.fractures[0]!, counts.others[0]!];
  const rulesOf = (level: number): Rates => {
    const [hits, falseFlags] = [counts.fractures[level]!, counts.others[level]!];
    const share = (name: keyof Rates, of: number, total: number, cases: number) =>
      unverifiedUpTo >= (name === 'ppv' ? level : 0)
        ? { hits: of, total, estimate: null, standing: 'unverified' as const }
        : proportionOf(of, total, cases, estimates?.[`${name} ${level}`]);
    return {
      sensitivity: share('sensitivity', hits, fractures, fractures),
      specificity: share('specificity', others - falseFlags, others, others),
      ppv: share('ppv', hits, hits + falseFlags, fractures),
    };
  };
  return {
    rules: Array.from({ length: levels }, (_, index) => rulesOf(index + 1)),
    area: unverifiedUpTo >= 0 ? null : estimates === null ? evenArea(scans) : (estimates['area'] ?? null),
  };
}

/**
 * How many scans each scan stands for, in the order of `scans`, as in {@link verifiedRates}: 0 where the truth is not known. Null when of the flagged or of
 * the other scans no truth at all is known, for whom then nobody stands.
 */
export function verificationWeights(scans: readonly ScoredScan[]): number[] | null {
  const sample = sampleOf(scans, 0, () => 0);
  const groups = groupCounts(sample, null);
  if (highestUnverified(sample, groups) >= 0) return null;
  return scans.map(({ fracture }, scan) => (fracture === null ? 0 : groups.weights[sample.group[scan]!]!));
}

const evenArea = (scans: readonly ScoredScan[]): Estimate | null =>
  delongInterval(scans.flatMap(({ score, fracture }) => (fracture === null ? [] : [{ score, label: fracture }])));

/** Scans of each group, and those of them whose truth is known; a patient that was drawn twice counts twice. */
function groupCounts({ group, fracture, patient }: Sample, timesDrawn: Uint32Array | null) {
  const total = GROUPS.map(() => 0);
  const known = GROUPS.map(() => 0);
  for (let scan = 0; scan < group.length; scan++) {
    const times = timesDrawn === null ? 1 : timesDrawn[patient[scan]!]!;
    total[group[scan]!]! += times;
    if (fracture[scan] !== null) known[group[scan]!]! += times;
  }
  return { total, known, weights: total.map((scans, of) => (known[of] === 0 ? 0 : scans / known[of]!)) };
}

type GroupCounts = ReturnType<typeof groupCounts>;

function sampleOf(scans: readonly ScoredScan[], levels: number, levelOf: (scan: ScoredScan) => number): Sample {
  const patients = new Map<number, number>();
  const sample: Sample = {
    levels,
    levelOf: Uint16Array.from(scans, levelOf),
    group: Uint8Array.from(scans, (scan) => GROUPS.indexOf(scan.wasFlagged)),
    fracture: scans.map((scan) => scan.fracture),
    patient: Uint32Array.from(scans, ({ patient }) => {
      if (!patients.has(patient)) patients.set(patient, patients.size);
      return patients.get(patient)!;
    }),
    patients: 0,
  };
  return { ...sample, patients: patients.size };
}

function tally(
  { levels, levelOf, group, fracture, patient }: Sample,
  weights: readonly number[],
  timesDrawn: Uint32Array | null,
): Tally {
  const sums: Tally = { fractures: new Float64Array(levels + 1), others: new Float64Array(levels + 1) };
  for (let scan = 0; scan < fracture.length; scan++) {
    const truth = fracture[scan];
    if (truth === null) continue;
    const weight = weights[group[scan]!]! * (timesDrawn === null ? 1 : timesDrawn[patient[scan]!]!);
    (truth ? sums.fractures : sums.others)[levelOf[scan]!]! += weight;
  }
  for (const sum of [sums.fractures, sums.others])
    for (let level = levels - 1; level >= 0; level--) sum[level]! += sum[level + 1]!;
  return sums;
}

/** The highest level of a scan that was flagged, or was not, when no truth is known of any such scan; below all levels when there is none. */
function highestUnverified({ levelOf, group }: Sample, { known }: GroupCounts): number {
  return levelOf.reduce((highest, level, scan) => {
    const of = group[scan]!;
    return GROUPS[of] !== null && known[of] === 0 ? Math.max(highest, level) : highest;
  }, -Infinity);
}

/** Every known scan stands for as many scans as any other, and for another patient. */
function isEven(sample: Sample, { known, weights }: GroupCounts): boolean {
  const patients = new Set(sample.patient.filter((_, scan) => sample.fracture[scan] !== null));
  const inUse = weights.filter((weight) => weight > 0);
  return patients.size === known.reduce((sum, of) => sum + of, 0) && new Set(inUse).size <= 1;
}

function bootstrapped(sample: Sample, counts: Tally, { weights }: GroupCounts): Record<string, Estimate | null> {
  const drawn = bootstrapIntervals(sample.patients, (timesDrawn) => weightedShares(sample, timesDrawn), {
    replicates: REPLICATES,
    random: seededRandom('verified-rates').next,
  });
  for (let level = 1; level <= sample.levels; level++) {
    const [fractures, others] = [counts.fractures[0]!, counts.others[0]!];
    const [hits, falseFlags] = [counts.fractures[level]!, counts.others[level]!];
    const widen = (name: string, of: number, total: number) => {
      const estimate = drawn[`${name} ${level}`] ?? null;
      drawn[`${name} ${level}`] = estimate === null ? null : widened(estimate, of, total, weights);
    };
    widen('sensitivity', hits, fractures);
    widen('specificity', others - falseFlags, others);
    widen('ppv', hits, hits + falseFlags);
  }
  return drawn;
}

/**
 * Where every known case lies on one side, the bootstrap cannot see what it has never drawn. The bound is then the one that Wilson's interval
 * gives, with the unseen cases weighing as much as those of the less verified group.
 */
function widened(estimate: Estimate, hits: number, total: number, weights: readonly number[]): Estimate {
  if (hits > 0 && hits < total) return estimate;
  const inUse = weights.filter((weight) => weight > 0);
  const unseen = 1 - wilsonInterval(total, total)!.low;
  const odds = (unseen / (1 - unseen)) * (Math.max(...inUse) / Math.min(...inUse));
  const bound = odds / (1 + odds);
  return hits === 0 ? { ...estimate, high: bound } : { ...estimate, low: 1 - bound };
}

/** The shares of every rule when the patients count as often as they were drawn. */
function weightedShares(sample: Sample, timesDrawn: Uint32Array): Record<string, number | null> {
  const sums = tally(sample, groupCounts(sample, timesDrawn).weights, timesDrawn);
  const shares: Record<string, number | null> = {};
  for (let level = 1; level <= sample.levels; level++) {
    const [fractures, others] = [sums.fractures[0]!, sums.others[0]!];
    const [hits, falseFlags] = [sums.fractures[level]!, sums.others[level]!];
    shares[`sensitivity ${level}`] = fractures === 0 ? null : hits / fractures;
    shares[`specificity ${level}`] = others === 0 ? null : 1 - falseFlags / others;
    shares[`ppv ${level}`] = hits + falseFlags === 0 ? null : hits / (hits + falseFlags);
  }
  shares['area'] = areaUnder(sums, sample.levels);
  return shares;
}

/** By trapezoids between neighbouring levels. */
function areaUnder({ fractures, others }: Tally, levels: number): number | null {
  if (fractures[0] === 0 || others[0] === 0) return null;
  let area = 0;
  for (let level = 0; level <= levels; level++) {
    const next = (of: Float64Array) => (level === levels ? 0 : of[level + 1]!);
    area += ((fractures[level]! + next(fractures)) / 2) * (others[level]! - next(others));
  }
  return area / (fractures[0]! * others[0]!);
}

/** `cases` is the number of known cases that the figure rests on (fractures, for sensitivity). */
function proportionOf(hits: number, total: number, cases: number, weighted: Estimate | null | undefined): Proportion {
  const estimate =
    cases < FEWEST_FOR_A_PERCENTAGE ? null : weighted === undefined ? wilsonInterval(hits, total) : weighted;
  if (estimate === null) return { hits, total, estimate, standing: 'counts-only' };
  return { hits, total, estimate, standing: estimate.high - estimate.low > WIDEST_INTERVAL ? 'uncertain' : 'shown' };
}
