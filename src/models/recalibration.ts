import type { ModelIdentity } from '../case/triageModel.ts';
import type { ModelCard } from '../infer/modelCard.ts';
import { composed, recalibrated, type FittedRecalibration, type Recalibration } from '../statistics/calibration.ts';

/** Who recalibrates what, and why: it stays in the package. */
export interface RecalibrationAct {
  readonly base: ModelIdentity;
  readonly fit: FittedRecalibration;
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
