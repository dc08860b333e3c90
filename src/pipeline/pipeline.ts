import type { Findings } from '../case/case.ts';
import type { CaseEvent, CaseState } from '../case/caseState.ts';
import { TriageError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AttemptFailure, ClaimedCase, StageName } from '../case/claim.ts';

/** What a stage answers: its event, or that the case is not ready for it before a given time. */
type StageOutcome = CaseEvent | { type: 'notYet'; untilMs: number };

/** The work of one stage on one case. Rejections are TriageErrors; anything else is a bug and fails the case. */
export type Stage = (claim: ClaimedCase, signal: AbortSignal) => Promise<StageOutcome>;

/** The points between which a process may die: tests kill it at each. */
export type PipelineStep = `${StageName}:${'claimed' | 'ran' | 'applied'}`;

/** What the pipeline needs of the worklist. */
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
  /** Told of every change; the returned function ends it. */
  onChange(listener: (studyInstanceUid: string) => void): () => void;
}

export interface PipelineOptions {
  store: PipelineStore;
  stages: Readonly<Record<StageName, Stage>>;
  clock: Clock;
  log: Log;
  leaseMs: number;
  /** How often due cases are looked for when nothing wakes the loop: quiet times and waits after failures end without a change. */
  pollMs?: number;
  /** The "could not be analysed" findings of a case that is given up, so that it gets a report too. */
  describeFailure?: (claim: ClaimedCase, failure: { code: string; message: string; stage: StageName }) => Findings;
  onStep?: (step: PipelineStep, studyInstanceUid: string) => void;
}

export interface Pipeline {
  /** Looks for due cases now. */
  nudge(): void;
  /** Finishes the cases in hand and claims no more. */
  drain(): Promise<void>;
  /** Asks the stages to stop, gives unfinished cases back without an attempt counted, and claims no more. */
  stop(): Promise<void>;
}

const STAGES: readonly StageName[] = ['assemble', 'infer', 'report'];
/** Faults of the installation, not of a case: the case waits, and no attempt is counted. */
const INSTALLATION_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'config-invalid',
  'database-invalid',
  'database-newer',
  'model-invalid',
  'model-tampered',
  'spool-full',
  'spool-write-failed',
]);
const INSTALLATION_WAIT_MS = 30_000;
const POLL_MS = 500;

/** Starts a loop for each stage: claim a case, run the stage, record its event. The database holds the truth; everything else only wakes. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { store, clock, log, leaseMs, pollMs = POLL_MS, onStep } = options;
  const stopping = new AbortController();
  let draining = false;
  const wakes = new Map<StageName, AbortController>();
  const nudged = new Set<StageName>();

  const nudge = () => {
    for (const stage of STAGES) {
      nudged.add(stage);
      wakes.get(stage)?.abort();
    }
  };

  /** Sleeps until the next look, or until the first nudge since the stage last looked. */
  async function rest(stage: StageName): Promise<void> {
    if (draining || nudged.has(stage)) return;
    const wake = new AbortController();
    wakes.set(stage, wake);
    await clock.sleep(pollMs, wake.signal);
    wakes.delete(stage);
  }

  async function loop(stage: StageName): Promise<void> {
    while (!draining) {
      nudged.delete(stage);
      try {
        const claim = await store.claim(stage, leaseMs);
        if (claim === null) await rest(stage);
        else await work(stage, claim);
      } catch (error) {
        // The store itself failed (a full disk, a locked file): the lease runs out by itself, nothing is lost by trying later.
        log.error('The worklist could not be read or written', { stage, error });
        await clock.sleep(pollMs, stopping.signal);
      }
    }
  }

  async function work(stage: StageName, claim: ClaimedCase): Promise<void> {
    const { studyInstanceUid, revision } = claim.record;
    const fields = { stage, studyInstanceUid, revision, attempt: claim.attempt };
    if (claim.exhausted) {
      await giveUp(stage, claim, {
        code: 'attempts-exhausted',
        message: 'Every attempt ended with the process.',
        retry: false,
      });
      log.error('Case given up: every attempt ended with the process', fields);
      return;
    }
    onStep?.(`${stage}:claimed`, studyInstanceUid);
    const startedMs = clock.monotonicMs();
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping.signal, lost.signal]);
    const done = new AbortController();
    const beating = beat(claim, done.signal, lost);
    try {
      const outcome = await options.stages[stage](claim, signal);
      onStep?.(`${stage}:ran`, studyInstanceUid);
      if (outcome.type === 'notYet') {
        await store.release(claim, Math.max(outcome.untilMs, clock.now() + 1));
        return;
      }
      const applied = await store.apply(claim, outcome);
      onStep?.(`${stage}:applied`, studyInstanceUid);
      log.info(applied === 'applied' ? 'Stage done' : 'Result dropped: newer input has arrived', {
        ...fields,
        event: outcome.type,
        durationMs: Math.round(clock.monotonicMs() - startedMs),
      });
    } catch (error) {
      // Whoever has the case now goes on with it; what this worker stumbled over when it was told to stop is of no interest.
      if (lost.signal.aborted)
        log.info('Work dropped: newer input has arrived, or another worker has the case', fields);
      else await settleFailure(stage, claim, error, fields);
    } finally {
      done.abort();
      await beating;
    }
  }

  /** Keeps the lease while the stage runs; tells the stage when it is lost. */
  async function beat(claim: ClaimedCase, done: AbortSignal, lost: AbortController): Promise<void> {
    while (true) {
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
    stage: StageName,
    claim: ClaimedCase,
    error: unknown,
    fields: Record<string, unknown>,
  ): Promise<void> {
    if (stopping.signal.aborted) {
      await store.release(claim);
      return;
    }
    if (!(error instanceof TriageError)) {
      log.error('Unexpected error: the case is failed', { ...fields, error });
      await giveUp(stage, claim, {
        code: 'unexpected',
        message: 'An unexpected error; the log has the details.',
        retry: false,
      });
      return;
    }
    if (INSTALLATION_FAULTS.has(error.code)) {
      log.error('The installation cannot do this now: the case waits', { ...fields, error });
      await store.release(claim, clock.now() + INSTALLATION_WAIT_MS);
      return;
    }
    const state = await giveUp(stage, claim, { code: error.code, message: error.message, retry: error.kind.retry });
    log.warn('An attempt failed', { ...fields, state, error });
  }

  async function giveUp(stage: StageName, claim: ClaimedCase, failure: AttemptFailure) {
    const findings = options.describeFailure?.(claim, { code: failure.code, message: failure.message, stage });
    return store.fail(claim, findings === undefined ? failure : { ...failure, findings });
  }

  const unsubscribe = store.onChange(nudge);
  const loops = Promise.all(STAGES.map(loop));
  const finish = async () => {
    draining = true;
    nudge();
    await loops;
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
