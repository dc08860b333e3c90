import type { Findings, StoredInstance } from './case.ts';
import type { CaseRecord } from './caseRecord.ts';

export type StageName = 'assemble' | 'infer' | 'report';

/** A lease on one case: `token` fences out a worker whose lease has run out. */
export interface ClaimedCase {
  record: CaseRecord;
  instances: StoredInstance[];
  token: string;
  /** Counted before the work: 1 for the first try of this stage on this input. */
  attempt: number;
  /** True when every attempt ended without an answer (the process died): the work must not run again, `fail` gives the case up. */
  exhausted: boolean;
  /** Reports of earlier revisions that a destination has taken, oldest first: what a new report supersedes. */
  previousSr: { sopClassUid: string; sopInstanceUid: string; seriesInstanceUid: string }[];
}

/** Why an attempt failed. `findings` ("could not be analysed") are reported when the case is given up before its report stage. */
export interface AttemptFailure {
  code: string;
  message: string;
  retry: boolean;
  findings?: Findings;
}
