import type { RuleFigures, ThresholdRule, WhatIfAnswer } from '../answers/thresholdAnswers.ts';
import { consecutiveScans } from './confirmedStretch.ts';
import { flagLoad } from './flagLoad.ts';
import { flipsBetween } from './flips.ts';
import { netBenefit } from './netBenefit.ts';
import { isFlagged } from './scoredScan.ts';
import type { ScoredScan } from './scoredScan.ts';
import { scansToVerify } from './scansToVerify.ts';
import { verifiedRates } from './verifiedRates.ts';

/** Sensitivity is wanted to within so many points. */
const POINTS = 5;

type Subgroup = WhatIfAnswer['subgroups'][number];

/** The rule in force against the proposed one on the same past scans. */
export interface WhatIf extends Omit<
  WhatIfAnswer,
  'fracturesGained' | 'fracturesLost' | 'flips' | 'flipsTotal' | 'networkTest' | 'queue' | 'neverRead'
> {
  flips: { fracturesGained: number; fracturesLost: number; all: ReturnType<typeof flipsBetween> };
}

/** The consequences of a change of rule, computed from stored scores of one model version: no inference is run, nothing is written. */
export function whatIf(scans: readonly ScoredScan[], now: ThresholdRule, proposed: ThresholdRule): WhatIf {
  const flips = flipsBetween(scans, now, proposed);
  const consecutive = consecutiveScans(scans);
  const fractures = countFractures(scans);
  const known = scans.filter((scan) => scan.fracture !== null).length;
  const flagged = scans.filter((scan) => scan.wasFlagged);
  const knownFlagged = flagged.filter((scan) => scan.fracture !== null).length;
  return {
    scans: scans.length,
    fractures,
    withoutFracture: known - fractures,
    unconfirmed: scans.length - known,
    truthKnown: {
      flagged: { known: knownFlagged, total: flagged.length },
      unflagged: { known: known - knownFlagged, total: scans.length - flagged.length },
    },
    toVerify: { scans: scansToVerify(scans, POINTS / 100), points: POINTS },
    consecutive: { scans: consecutive.length, fractures: countFractures(consecutive) },
    now: ruleFigures(scans, now),
    proposed: ruleFigures(scans, proposed),
    flips: {
      fracturesGained: flips.filter((flip) => flip.fracture === true && flip.change === 'gained').length,
      fracturesLost: flips.filter((flip) => flip.fracture === true && flip.change === 'lost').length,
      all: flips,
    },
    netBenefit: netBenefit(consecutive, now, proposed),
    subgroups: [
      ...subgroups(scans, now, proposed, 'source', (scan) => scan.sourceAeTitle),
      ...subgroups(scans, now, proposed, 'scanner', (scan) => scan.scanner),
    ],
  };
}

function ruleFigures(scans: readonly ScoredScan[], rule: ThresholdRule): RuleFigures {
  const [rates] = verifiedRates(scans, 1, (scan) => (isFlagged(rule, scan) ? 1 : 0)).rules;
  return { flags: scans.filter((scan) => isFlagged(rule, scan)).length, load: flagLoad(scans, rule), ...rates! };
}

function subgroups(
  scans: readonly ScoredScan[],
  now: ThresholdRule,
  proposed: ThresholdRule,
  kind: Subgroup['kind'],
  nameOf: (scan: ScoredScan) => string,
): Subgroup[] {
  const groups = new Map<string, ScoredScan[]>();
  for (const scan of scans) {
    const group = groups.get(nameOf(scan));
    if (group === undefined) groups.set(nameOf(scan), [scan]);
    else group.push(scan);
  }
  // A single group would only repeat the whole site.
  if (groups.size < 2) return [];
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, of]) => ({
      kind,
      name,
      scans: of.length,
      fractures: countFractures(of),
      now: ruleFigures(of, now),
      proposed: ruleFigures(of, proposed),
    }));
}

const countFractures = (scans: readonly ScoredScan[]): number => scans.filter((scan) => scan.fracture === true).length;
