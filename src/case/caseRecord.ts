import type { CaseManifest, Findings, PatientIdentity } from './case.ts';
import type { CaseState } from './caseState.ts';
import type { Recency } from './scanAge.ts';

/** One row of the worklist with everything the pipeline needs. */
export interface CaseRecord {
  studyInstanceUid: string;
  state: CaseState;
  /**
   * Counts how often new input reopened the case: 1 while the first slices arrive, 2 once late slices came after assembling.
   * A result of an older revision is stale.
   */
  revision: number;
  patient: PatientIdentity;
  accessionNumber: string;
  studyDate: string;
  studyTime: string;
  studyDescription: string;
  sourceAeTitle: string;
  calledAeTitle?: string;
  firstReceivedAtMs: number;
  lastReceivedAtMs: number;
  /** Set when nothing more is expected (association released). */
  completeHint: boolean;
  /** The sender's connection broke off, and the study was not sent again. */
  isBrokenOff?: boolean;
  /** Whether it was an old scan when it came. */
  recency: Recency;
  /** A synthetic study of the agent's own. */
  isProof?: boolean;
  manifest: CaseManifest | null;
  findings: Findings | null;
  /** Set while a person must decide: identity or content conflict. Nothing is analysed or sent meanwhile. */
  quarantineReason: string | null;
  failure: { code: string; message: string; stage: string } | null;
}
