import type { Findings } from '../case/case.ts';
import type { CaseEvent, CaseState } from '../case/caseState.ts';
import { backoffMs, doubledMs } from '../base/backoff.ts';
import { TriageError } from '../base/errors.ts';
import { installationFault } from '../base/installationFault.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AttemptFailure, ClaimedCase, StageName } from '../case/claim.ts';

/** What a stage returns: its event, or that the case is not ready for it before a given time. */
export type StageOutcome = CaseEvent | { type: 'notYet'; untilMs: number };

/** The work of one stage on one case. Rejections are TriageErrors; anything else is a bug and fails the case. */
export type Stage = (claim: ClaimedCase, signal: AbortSignal) => Promise<StageOutcome>;

/** The points at which a process may die: tests kill it at each of them. */
export type PipelineStep = `${StageName}:${'claimed' | 'ran' | 'applied'}`;

/** What the pipeline needs from the worklist. */
interface PipelineStore {
  /** Leases the most urgent case that `stage` is due for, counting the attempt before the work. */
  claim(stage: StageName, leaseMs: number): Promise<ClaimedCase | null>;
  /** Extends a lease; false when it was lost. */
  heartbeat(claim: ClaimedCase, leaseMs: number): Promise<boolean>;
  /** Applies the stage's event by compare-and-swap on (state, revision, token); `stale` means newer input arrived. */
  apply(claim: ClaimedCase, event: CaseEvent): Promise<'applied' | 'stale'>;
  /** Releases the lease after a failure: back-off, or `failed` after the last attempt. */
  fail(claim: ClaimedCase, failure: AttemptFailure): Promise<CaseState>;
  /** Gives the lease back without an attempt counted (shutdown, or not yet complete). */
  release(claim: ClaimedCase, notBeforeMs?: number): Promise<void>;
  /** Subscribes to every change; the returned function unsubscribes. */
  onChange(listener: (studyInstanceUid: string) => void): () => void;
}

export interface PipelineOptions {
  store: PipelineStore;
  /** Those that this node does; others do the rest. */
  stages: Readonly<Partial<Record<StageName, Stage>>>;
  /** Whether this node can do a stage now: a case is not taken by one that would have to put it off. Left out: always. */
  isReady?: (stage: StageName) => Promise<boolean>;
  clock: Clock;
  log: Log;
  leaseMs: number;
  /** How often to look for due cases when nothing wakes the loop: quiet times and waits after failures end without a change. */
  pollMs?: number;
  /** First wait of a case after a fault of the installation; doubled while the fault lasts, up to 30 s. */
  faultWaitMs?: number;
  /** The "could not be analysed" findings of a case that is given up, so that it gets a report too. */
  describeFailure?: (claim: ClaimedCase, failure: { code: string; message: string; stage: StageName }) => Findings;
  onStep?: (step: PipelineStep, studyInstanceUid: string) => void;
}

export interface Pipeline {
  /** Looks for due cases now. */
  nudge(): void;
  /** Finishes the cases in progress and claims no more. */
  drain(): Promise<void>;
  /** Asks the stages to stop, gives unfinished cases back without an attempt counted, and claims no more. */
  stop(): Promise<void>;
}

const STAGES: readonly StageName[] = ['assemble', 'infer', 'report'];
const POLL_MS = 500;
const FAULT_WAIT_MS = 1_000;
const LONGEST_FAULT_WAIT_MS = 30_000;

/** What every piece of work needs. */
interface Work extends PipelineOptions {
  faultWaitMs: number;
  /** Aborted on shutdown: unfinished cases are given back. */
  stopping: AbortSignal;
}

/** Starts a loop for each stage of this node: claim a case, run the stage, record its event. All state is in the database; everything else only wakes the loop. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { store, clock, log, leaseMs, pollMs = POLL_MS, faultWaitMs = FAULT_WAIT_MS } = options;
  const stopping = new AbortController();
  const work: Work = { ...options, faultWaitMs, stopping: stopping.signal };
  const loops = STAGES.flatMap((stage) => {
    const run = options.stages[stage];
    if (run === undefined) return [];
    const faults = { inARow: 0 };
    return startWakingLoop({
      step: async () => {
        const claim = await store.claim(stage, leaseMs);
        if (claim === null) return false;
        await workOn(work, { stage, run }, claim, faults);
        return true;
      },
      isOurs: options.isReady?.bind(null, stage),
      pollMs,
      retryMs: (failures) => backoffMs(stage, failures, pollMs, LONGEST_FAULT_WAIT_MS),
      // Either nothing was claimed, or the claimed case is unchanged on record: nothing is lost by trying later.
      onError: (error) => log.error('The worklist could not be read or written', { stage, error }),
      clock,
    });
  });
  const nudge = () => {
    for (const loop of loops) loop.wake();
  };
  const unsubscribe = store.onChange(nudge);
  const finish = async () => {
    await Promise.all(loops.map((loop) => loop.stop()));
    unsubscribe();
  };
  return {
    nudge,
    drain: finish,
    stop: () => {
      stopping.abort();
      return finish();
    },
  };
}

/** One attempt of a stage on a case, until its outcome is on record. */
async function workOn(
  work: Work,
  { stage, run }: { stage: StageName; run: Stage },
  claim: ClaimedCase,
  faults: { inARow: number },
): Promise<void> {
  const { store, clock, log, onStep } = work;
  const { studyInstanceUid, revision } = claim.record;
  const fields = { stage, studyInstanceUid, revision, attempt: claim.attempt };
  if (claim.exhausted) {
    const message = 'Every attempt ended with the process.';
    await insist(work, fields, () => giveUp(work, stage, claim, { code: 'attempts-exhausted', message, retry: false }));
    log.error('Case given up: every attempt ended with the process', fields);
    return;
  }
  onStep?.(`${stage}:claimed`, studyInstanceUid);
  const startedMs = clock.monotonicMs();
  const lost = new AbortController();
  const done = new AbortController();
  const beating = keepLease(work, claim, done.signal, lost);
  try {
    const outcome = await run(claim, AbortSignal.any([work.stopping, lost.signal]));
    onStep?.(`${stage}:ran`, studyInstanceUid);
    if (outcome.type === 'notYet') {
      await store.release(claim, Math.max(outcome.untilMs, clock.now() + 1));
      return;
    }
    const applied = await store.apply(claim, outcome);
    onStep?.(`${stage}:applied`, studyInstanceUid);
    faults.inARow = 0;
    log.info(applied === 'applied' ? 'Stage done' : 'Result dropped: newer input has arrived', {
      ...fields,
      event: outcome.type,
      durationMs: Math.round(clock.monotonicMs() - startedMs),
    });
  } catch (error) {
    // The current holder of the case continues; an error of this worker after it was told to stop does not matter.
    if (lost.signal.aborted) log.info('Work dropped: newer input has arrived, or another worker has the case', fields);
    else await settleFailure(work, stage, claim, error, fields, faults);
  } finally {
    done.abort();
    await beating;
  }
}

/** Keeps the lease while the stage runs; tells the stage when it is lost. */
async function keepLease(
  { store, clock, log, leaseMs }: Work,
  claim: ClaimedCase,
  done: AbortSignal,
  lost: AbortController,
): Promise<void> {
  for (;;) {
    await clock.sleep(leaseMs / 3, done);
    if (done.aborted) return;
    try {
      if (!(await store.heartbeat(claim, leaseMs))) {
        lost.abort();
        return;
      }
    } catch (error) {
      log.warn('A lease could not be renewed', { studyInstanceUid: claim.record.studyInstanceUid, error });
    }
  }
}

async function settleFailure(
  work: Work,
  stage: StageName,
  claim: ClaimedCase,
  error: unknown,
  fields: Record<string, unknown>,
  faults: { inARow: number },
): Promise<void> {
  const { store, clock, log } = work;
  if (work.stopping.aborted) {
    await store.release(claim);
    return;
  }
  const fault = installationFault(error);
  if (fault !== null) {
    faults.inARow += 1;
    log.error('The installation cannot do this now: the case waits, and no attempt is counted', {
      ...fields,
      fault,
      error,
    });
    const waitMs = backoffMs(claim.record.studyInstanceUid, faults.inARow, work.faultWaitMs, LONGEST_FAULT_WAIT_MS);
    await insist(work, fields, () => store.release(claim, clock.now() + waitMs));
    return;
  }
  faults.inARow = 0;
  if (!(error instanceof TriageError)) {
    log.error('Unexpected error: the case is failed', { ...fields, error });
    const message = 'An unexpected error; the log has the details.';
    await insist(work, fields, () => giveUp(work, stage, claim, { code: 'unexpected', message, retry: false }));
    return;
  }
  const failure = { code: error.code, message: error.message, retry: error.kind.retry };
  const state = await insist(work, fields, () => giveUp(work, stage, claim, failure));
  log.warn('An attempt failed', { ...fields, state, error });
}

/**
 * Records how an attempt ended, and repeats this while the database cannot be written. Otherwise the claimed attempt would stay counted, and a disk that is
 * full for a minute would use up every attempt of the case.
 */
async function insist<T>(work: Work, fields: Record<string, unknown>, record: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await record();
    } catch (error) {
      if (installationFault(error) === null || work.stopping.aborted) throw error;
      work.log.error('The end of an attempt cannot be recorded yet; it is tried again', { ...fields, error });
      await work.clock.sleep(doubledMs(failures, work.faultWaitMs, LONGEST_FAULT_WAIT_MS), work.stopping);
    }
  }
}

async function giveUp(work: Work, stage: StageName, claim: ClaimedCase, failure: AttemptFailure): Promise<CaseState> {
  const findings = work.describeFailure?.(claim, { code: failure.code, message: failure.message, stage });
  return work.store.fail(claim, findings === undefined ? failure : { ...failure, findings });
}
