import type { StoredInstance } from '../case/case.ts';
import { missingParts } from './concatenation.ts';
import { judgeSeries } from './judgeSeries.ts';
import { mm } from './seriesRules.ts';
import { shortfall } from './shortfall.ts';
import type { SeriesRules } from './seriesRules.ts';

/** With slices farther apart than this many thicknesses, every other slice may still be on its way. */
const SPARSE = 1.5;

/**
 * Whether a study seems to have arrived completely: a series can be analysed, and no series of slices has holes or is sparse. `why` says what
 * is still awaited, or what makes the study complete. A released association and a complete geometry are enough to start; otherwise the quiet time decides.
 */
export function isGeometryWhole(
  instances: readonly StoredInstance[],
  rules: SeriesRules,
): { whole: boolean; why: string } {
  const series = judgeSeries(instances, rules);
  const eligible = series.filter(({ refusal }) => refusal === null);
  if (eligible.length === 0) return { whole: false, why: 'no series can be analysed yet' };
  for (const { isCandidate, facts } of series) {
    if (!isCandidate) continue;
    const parts = missingParts(facts.instances);
    if (parts !== null)
      return { whole: false, why: `${parts.came} of ${parts.stated} parts of a concatenated image came` };
    const { gaps, irregularSteps, spacingMm } = facts.stack;
    if (gaps.length > 0 || irregularSteps > 0) return { whole: false, why: 'a series has gaps between its slices' };
    const thicknessMm = facts.instances[0]!.header.sliceThicknessMm ?? 0;
    if (thicknessMm > 0 && spacingMm > SPARSE * thicknessMm) {
      return { whole: false, why: `slices of ${mm(thicknessMm)} mm lie ${mm(spacingMm)} mm apart` };
    }
  }
  for (const one of eligible) {
    const missing = shortfall(one, series);
    if (missing !== null && missing.of !== 'placed')
      return { whole: false, why: `${missing.came} of ${missing.stated} slices came` };
  }
  const { coverageMm, slices } = eligible[0]!.facts.stack;
  return { whole: true, why: `${slices.length} slices without a gap over ${mm(coverageMm)} mm` };
}
