import { TriageError } from '../base/errors.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { ModelCard } from '../infer/modelCard.ts';
import { composed, recalibrated, recalibrationOf, type Recalibration } from '../statistics/calibration.ts';
import type { Estimate } from '../statistics/intervals.ts';
import type { ScoredScan } from '../thresholds/scoredScan.ts';
import { verificationWeights } from '../thresholds/verifiedRates.ts';

/** Two numbers are fitted; ten cases of the smaller class for each is the usual least. */
const FEWEST_OF_A_CLASS = 20;

/** What a site's verdicts say of a package's probabilities. */
export interface SiteFit {
  readonly intercept: Estimate;
  readonly slope: Estimate;
  readonly cases: number;
  readonly positives: number;
}

/**
 * Fits a package's probabilities to the verdicts on the scans that it scored. Readers verify nearly every flagged scan and few of the others, so each verified
 * scan counts for those that were decided like it.
 *
 * @throws TriageError `dataset-invalid` when there are too few verdicts, or scores that do not rise with the fractures
 */
export function fitToVerdicts(scans: readonly ScoredScan[]): SiteFit {
  const weights = verificationWeights(scans);
  const known = scans.flatMap((scan, index) =>
    scan.fracture === null ? [] : [{ ...scan, fracture: scan.fracture, weight: weights?.[index] ?? 0 }],
  );
  const positives = known.filter(({ fracture }) => fracture).length;
  const negatives = known.length - positives;
  if (positives < FEWEST_OF_A_CLASS || negatives < FEWEST_OF_A_CLASS)
    throw new TriageError(
      'dataset-invalid',
      `Readers have confirmed ${positives} scans with a fracture and ${negatives} without one of those that the package scored; ${FEWEST_OF_A_CLASS} of each are wanted. Give verdicts on more cases, or look further back with --days.`,
    );
  if (weights === null)
    throw new TriageError(
      'dataset-invalid',
      'No verdict is known of any scan that was flagged, or of any that was not: the probabilities of the others cannot be judged. Verify some of them first; the page Thresholds says how many.',
    );
  const fit = recalibrationOf(
    known.map(({ score, fracture }) => ({ score, label: fracture })),
    known.map(({ weight }) => weight),
    known.map(({ patient }) => String(patient)),
  );
  if (fit === null || !(fit.slope.value > 0))
    throw new TriageError(
      'dataset-invalid',
      'Higher scores do not mean more fractures in these verdicts, or they part them completely: no recalibration exists.',
    );
  return { ...fit, cases: known.length, positives };
}

/** Who recalibrates what, and why: it stays in the package. */
export interface RecalibrationAct {
  readonly base: ModelIdentity;
  readonly fit: SiteFit;
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
}

/**
 * The manifest of the recalibrated package: the same graphs under the next version of the site. Its operating points move with the probabilities, so that the
 * same scans are flagged.
 */
export function recalibratedCard(card: ModelCard, { base, fit, by, reason, atMs }: RecalibrationAct): ModelCard {
  const step: Recalibration = { intercept: fit.intercept.value, slope: fit.slope.value };
  const before = card.calibration.site;
  const site = before === undefined ? step : composed(before, step);
  return {
    ...card,
    version: nextSiteVersion(card.version),
    operatingPoints: card.operatingPoints.map((point) => ({
      ...point,
      threshold: recalibrated(point.threshold, step),
    })),
    calibration: {
      ...card.calibration,
      method: `${card.calibration.method.split(', then ')[0]!}, then on ${fit.cases} verdicts of a site (${fit.positives} fractures)`,
      site: {
        ...site,
        base: `${base.name}@${base.version} ${base.sha256}`,
        cases: fit.cases,
        positives: fit.positives,
        by,
        reason,
        at: new Date(atMs).toISOString(),
      },
    },
  };
}

/** `1.3.0` becomes `1.3.0+site.1`, and that `1.3.0+site.2`. */
export function nextSiteVersion(version: string): string {
  const [, stem, count] = /^(.*)\+site\.(\d+)$/.exec(version) ?? [];
  return stem === undefined ? `${version}+site.1` : `${stem}+site.${Number(count) + 1}`;
}
