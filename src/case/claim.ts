import type { Findings, StoredInstance } from './case.ts';
import type { RefusedObjects } from './refusedObject.ts';
import type { CaseRecord } from './caseRecord.ts';

export type StageName = 'assemble' | 'infer' | 'report';

/** A lease on one case: `token` rejects a worker whose lease has run out. */
export interface ClaimedCase {
  record: CaseRecord;
  instances: StoredInstance[];
  /** Objects that were refused and have not come since; null for none. */
  refused?: RefusedObjects | null;
  token: string;
  /** Counted before the work starts: 1 for the first attempt of this stage on this input. */
  attempt: number;
  /** True when every attempt ended without an answer (the process died): the work must not run again, and `fail` ends the case. */
  exhausted: boolean;
  /** Reports of earlier revisions that a destination has accepted, oldest first: a new report supersedes them. */
  previousSr: { sopClassUid: string; sopInstanceUid: string; seriesInstanceUid: string }[];
}

/** Why an attempt failed. `findings` ("could not be analysed") are reported if the case is given up before its report stage. */
export interface AttemptFailure {
  code: string;
  message: string;
  retry: boolean;
  findings?: Findings;
}
