import type { Findings } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { inferSeries } from '../infer/inferSeries.ts';
import type { ModelLease } from '../infer/servingNetworks.ts';
import { backoffMs } from '../base/backoff.ts';
import { installationFault } from '../base/installationFault.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { ShadowCase } from '../worklist/models/shadowScores.ts';

export interface ShadowScoringOptions {
  store: Pick<WorklistStore, 'nextForShadow' | 'saveShadowScore'>;
  /** Whether this node scores: of several one does. */
  isOurs: () => Promise<boolean>;
  /** Null while there is no shadow package. */
  lease: () => ModelLease | null;
  /** Whether the active package has work: the shadow pauses meanwhile, between any two slices. */
  isActiveBusy: () => boolean;
  /** Absolute path of a spool path. */
  resolvePath: (spoolPath: string) => string;
  clock: Clock;
  log: Log;
}

export interface ShadowScoring {
  /** Looks for cases now. */
  nudge: () => void;
  close: () => Promise<void>;
}

const POLL_MS = 5_000;
const ASIDE_MS = 100;
const LONGEST_RETRY_MS = 60_000;
/** Attempts on a case before its failure is recorded as its result. */
const MOST_ATTEMPTS = 2;

/** Aborts the scoring of a case that need not be finished. */
class Dropped extends Error {}

/**
 * Lets the shadow package score the cases that the active one has finished, newest first, one at a time. It writes its scores into a table of their own and
 * nothing else: no state, no rank, no object that could be sent.
 */
export function createShadowScoring({
  store,
  isOurs,
  lease: takeLease,
  isActiveBusy,
  resolvePath,
  clock,
  log,
}: ShadowScoringOptions): ShadowScoring {
  const stopping = new AbortController();
  const failures = new Map<string, number>();

  /** The findings, and the seconds they took, without its pauses. */
  async function score(
    { model, isCurrent }: ModelLease,
    { manifest }: ShadowCase,
  ): Promise<{ findings: Findings; seconds: number }> {
    let asideMs = 0;
    let aside: Promise<void> | null = null;
    const standAside = async (): Promise<void> => {
      const sinceMs = clock.monotonicMs();
      while (isActiveBusy() && !stopping.signal.aborted && isCurrent()) await clock.sleep(ASIDE_MS, stopping.signal);
      asideMs += clock.monotonicMs() - sinceMs;
      aside = null;
    };
    const startMs = clock.monotonicMs();
    const findings = await inferSeries({
      manifest,
      model,
      cached: new Map(),
      resolvePath,
      // The threshold that would be in force if it were activated without choosing one.
      threshold: { value: model.defaultThreshold, version: 0 },
      clock,
      heartbeat: async () => {
        if (isActiveBusy()) await (aside ??= standAside());
        if (stopping.signal.aborted || !isCurrent()) throw new Dropped();
      },
    });
    return { findings, seconds: (clock.monotonicMs() - startMs - asideMs) / 1000 };
  }

  /** True when there may be more to do. */
  async function scoreNext(lease: ModelLease): Promise<boolean> {
    const { identity } = lease.model;
    const found = await store.nextForShadow(identity.sha256);
    if (found === null || stopping.signal.aborted) return false;
    const key = `${identity.sha256} ${found.studyInstanceUid} ${found.revision}`;
    const fields = {
      studyInstanceUid: found.studyInstanceUid,
      revision: found.revision,
      model: identity.name,
      version: identity.version,
    };
    try {
      const scored = await score(lease, found);
      await store.saveShadowScore(identity, found, scored);
      log.info('Shadow score kept', { ...fields, durationMs: Math.round(scored.seconds * 1000) });
    } catch (error) {
      if (error instanceof Dropped) return false;
      // A full disk or a locked database is not the package's fault.
      if (installationFault(error) !== null) throw error;
      const attempts = (failures.get(key) ?? 0) + 1;
      failures.set(key, attempts);
      log.warn('The shadow package could not score a case', { ...fields, attempt: attempts, error });
      if (attempts < MOST_ATTEMPTS) return false;
      await store.saveShadowScore(identity, found, {
        failure: error instanceof TriageError ? error.message : 'An unexpected error; the log has the details.',
      });
    }
    failures.delete(key);
    return true;
  }

  const loop = startWakingLoop({
    step: async () => {
      const lease = isActiveBusy() ? null : takeLease();
      if (lease === null) return false;
      try {
        return (await isOurs()) && (await scoreNext(lease));
      } finally {
        lease.release();
      }
    },
    pollMs: POLL_MS,
    retryMs: (failures) => backoffMs('shadow', failures, POLL_MS, LONGEST_RETRY_MS),
    onError: (error) => log.error('Shadow scoring stumbled', { error }),
    clock,
  });
  return {
    nudge: loop.wake,
    close: () => {
      stopping.abort();
      return loop.stop();
    },
  };
}
