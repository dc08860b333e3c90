import { TriageError } from '../base/errors.ts';
import { recalibrationOf, type FittedRecalibration } from '../statistics/calibration.ts';
import type { ScoredScan } from './scoredScan.ts';
import { verificationWeights } from './verifiedRates.ts';

/** Two numbers are fitted; ten cases of the smaller class for each is the usual least. */
const FEWEST_OF_A_CLASS = 20;

/**
 * Fits a package's probabilities to the verdicts on the scans that it scored. Readers verify nearly every flagged scan and few of the others, so each verified
 * scan counts for those that were decided like it.
 *
 * @throws TriageError `dataset-invalid` when there are too few verdicts, or scores that do not rise with the fractures
 */
export function fitToVerdicts(scans: readonly ScoredScan[]): FittedRecalibration {
  const weights = verificationWeights(scans);
  const known = scans.flatMap(({ score, fracture, patient }, scan) =>
    fracture === null ? [] : [{ score, label: fracture, patient, scan }],
  );
  const positives = known.filter(({ label }) => label).length;
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
    known,
    known.map(({ scan }) => weights[scan]!),
    known.map(({ patient }) => String(patient)),
  );
  if (fit === null || !(fit.slope.value > 0))
    throw new TriageError(
      'dataset-invalid',
      'Higher scores do not mean more fractures in these verdicts, or they part them completely: no recalibration exists.',
    );
  return fit;
}
