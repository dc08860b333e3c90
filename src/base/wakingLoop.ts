import type { Clock } from './clock.ts';

export interface WakingLoopOptions {
  /** Looks once for work; true when there may be more, so that the next look follows at once. `stopping` aborts at {@link WakingLoop.stop}. */
  step: (stopping: AbortSignal) => Promise<boolean>;
  /** Whether this process is the one that does the work now; where it is not, the loop rests as if there were none. Default: it is. */
  isOurs?: (() => Promise<boolean>) | undefined;
  /** Longest rest between two looks, ms; null: only a wake ends a rest. */
  pollMs: number | null;
  /** Shortest rest after a wake, ms: wakes in quick succession are answered by one look. */
  coalesceMs?: number;
  /** Rest after the n-th failure in a row, ms; a wake does not shorten it. Default: 1 s. */
  retryMs?: (failures: number) => number;
  /** Called for a step that failed, with the number of failures in a row. The loop goes on. */
  onError: (error: unknown, failures: number) => void;
  clock: Pick<Clock, 'sleep'>;
}

export interface WakingLoop {
  /** Looks now, or again at once when a look is in progress. */
  wake: () => void;
  /** Begins no more steps; resolves when the current one is over. */
  stop: () => Promise<void>;
}

const RETRY_MS = 1_000;

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Starts a loop that works while there is work, rests while there is none, and ends its rest when it is woken. The work itself is stored elsewhere (in the
 * database, in a queue): a wake only says "look now", and one that comes during a look is not missed.
 */
export function startWakingLoop(options: WakingLoopOptions): WakingLoop {
  const {
    step,
    isOurs = () => Promise.resolve(true),
    clock,
    pollMs,
    coalesceMs = 0,
    retryMs = () => RETRY_MS,
  } = options;
  const stopping = new AbortController();
  let wake = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;

  const rest = async (woken: AbortSignal): Promise<void> => {
    const roused = AbortSignal.any([woken, stopping.signal]);
    if (!roused.aborted) await (pollMs === null ? aborted(roused) : clock.sleep(pollMs, roused));
    if (woken.aborted && coalesceMs > 0) await clock.sleep(coalesceMs, stopping.signal);
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !isStopping();) {
      // Taken before the look, so that a wake during the look counts.
      const woken = (wake = new AbortController()).signal;
      try {
        const isMore = (await isOurs()) && (await step(stopping.signal));
        failures = 0;
        if (!isMore && !isStopping()) await rest(woken);
      } catch (error) {
        failures += 1;
        options.onError(error, failures);
        await clock.sleep(retryMs(failures), stopping.signal);
      }
    }
  };
  const running = run();
  return {
    wake: () => wake.abort(),
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
