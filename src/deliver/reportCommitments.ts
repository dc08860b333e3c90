import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { CommitmentRequest, DueCommitment } from '../case/commitment.ts';
import { COMMITMENT_FAILURE, type CommitmentDataSet, type SopReference } from '../dicom/commitmentDataSet.ts';

/** What reporting commitments needs from the worklist. */
interface CommitmentQueue {
  /** Requests that are due, up to `limit` of each sender: one array for each. */
  due(limit: number): Promise<DueCommitment[][]>;
  noteFailed(request: CommitmentRequest, why: string): Promise<void>;
  close(request: CommitmentRequest): Promise<void>;
}

export interface CommitmentReportPorts {
  queue: CommitmentQueue;
  /** Whether it is this process that reports, of several on the database. */
  isOurs: () => Promise<boolean>;
  /** Classes under which the object lies on disk, whole and on record; none when it does not. Called once for a request. */
  heldClasses: (references: readonly SopReference[]) => Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Sends a report to the sender that asked. @throws TriageError when it could not be sent or was not taken */
  report: (request: CommitmentRequest, report: CommitmentDataSet) => Promise<void>;
  /** A sender did not take its report for as long as it is tried. */
  onGivenUp: (request: CommitmentRequest, why: string) => void;
  clock: Clock;
  log: Log;
}

export interface CommitmentReports {
  /** Looks for requests that are due now. */
  nudge: () => void;
  stop: () => Promise<void>;
}

const LOOK_MS = 2_000;
/** Reports to one sender before the others have their turn. */
const MOST_AT_ONCE = 20;
/** A sender that takes no report for so long has been switched off, or has asked again. */
const TRIED_FOR_MS = 3 * 86_400_000;

/**
 * Reports to senders that have asked for commitment what of it is held. It is looked up anew for each attempt, so a report says what is true when it is sent. Requests
 * are in the database until their report has been taken.
 */
export function reportCommitments(ports: CommitmentReportPorts): CommitmentReports {
  const { queue, isOurs, clock, log } = ports;
  const loop = startWakingLoop({
    step: async (stopping) => {
      if (!(await isOurs())) return false;
      const senders = await queue.due(MOST_AT_ONCE);
      const all = await Promise.all(senders.map((due) => reportTo(due, ports, stopping)));
      return all.some((isMoreDue) => isMoreDue);
    },
    pollMs: LOOK_MS,
    onError: (error) => log.error('commitments are not reported', { error }),
    clock,
  });
  return { nudge: loop.wake, stop: () => loop.stop() };
}

/** Reports to one sender, up to the first that fails: it waits, and so do those behind it, until the next look. True when there may be more at once. */
async function reportTo(
  due: readonly DueCommitment[],
  { queue, heldClasses, report, onGivenUp, clock, log }: CommitmentReportPorts,
  stopping: AbortSignal,
): Promise<boolean> {
  for (const request of due) {
    if (stopping.aborted) return false;
    const said = judge(request, await heldClasses(request.references));
    const fields = { aeTitle: request.sourceAeTitle, count: said.referenced.length, failed: said.failed.length };
    try {
      await report(request, said);
      await queue.close(request);
      log.info('a commitment is reported', fields);
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      if (clock.now() - request.askedAtMs < TRIED_FOR_MS) {
        await queue.noteFailed(request, messageOf(error));
        log.warn('a commitment cannot be reported yet', { ...fields, attempt: request.attempts + 1, error });
      } else {
        await queue.close(request);
        onGivenUp(request, messageOf(error));
      }
      return false;
    }
  }
  return due.length === MOST_AT_ONCE;
}

/** What is committed to, and what is not and why (PS3.4 J.3.3). */
function judge(
  { transactionUid, references }: CommitmentRequest,
  held: ReadonlyMap<string, ReadonlySet<string>>,
): CommitmentDataSet {
  const referenced: SopReference[] = [];
  const failed: CommitmentDataSet['failed'][number][] = [];
  for (const reference of references) {
    const classes = held.get(reference.sopInstanceUid);
    if (classes === undefined || classes.size === 0)
      failed.push({ ...reference, reason: COMMITMENT_FAILURE.noSuchObjectInstance });
    else if (classes.has(reference.sopClassUid)) referenced.push(reference);
    else failed.push({ ...reference, reason: COMMITMENT_FAILURE.classInstanceConflict });
  }
  return { transactionUid, referenced, failed };
}
