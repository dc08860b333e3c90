/** Time and timers; `systemClock` is the only real one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once (without an error) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `run` once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

import { performance } from 'node:perf_hooks';
import { setImmediate as nextImmediate, setTimeout as sleepFor } from 'node:timers/promises';

/** Resolves once everything else that is ready in this process has run. */
export const nextTurn = (): Promise<void> => nextImmediate();

/** The machine's own clock: the only place where Odontoid reads the time or starts a timer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await sleepFor(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      // A stop request aborts a sleep: it ends early, it does not fail.
      if (!signal?.aborted) throw error;
    }
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
