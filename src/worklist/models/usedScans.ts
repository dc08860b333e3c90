import type { Decision } from '../../case/decision.ts';
import type { StoreContext } from '../cases/storeContext.ts';
import { confirmedTruth, pastScans, type PastScan } from '../thresholds/thresholdFacts.ts';

/** What a package made of a scan, and what readers have confirmed. */
export interface UsedScan {
  arrivedAtMs: number;
  /** Manufacturer and model; empty when the headers do not say. */
  scanner: string;
  decision: Decision;
  probability: number | null;
  fracture: boolean | null;
}

/** The scans since then that a package has judged or could not judge, in no order. Those that still wait for it are left out. */
export async function usedScans({ reads }: StoreContext, modelSha256: string, sinceMs: number): Promise<UsedScan[]> {
  const truth = await confirmedTruth(reads);
  return (await pastScans(reads, sinceMs)).flatMap((scan) => {
    const decision = decisionOf(scan);
    if (decision === null || (scan.sha256 !== null && scan.sha256 !== modelSha256)) return [];
    const { study, arrivedAtMs, scanner, probability } = scan;
    return [{ arrivedAtMs, scanner, decision, probability, fracture: truth.get(study) ?? null }];
  });
}

/** Of a removed scan only the decision about a score was kept: without a score it was not analysed. */
function decisionOf({ decision, probability, isHere }: PastScan): Decision | null {
  return decision ?? (!isHere && probability === null ? 'not-analysed' : null);
}
