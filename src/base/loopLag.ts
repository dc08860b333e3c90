import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface LoopLag {
  /** Longest time in the last minute for which the event loop of this process was blocked, ms. */
  worstMs(): number;
  close: () => void;
}

const SAMPLE_MS = 500;
const WINDOW_MS = 60_000;
/** Above this, pages, intake and supervision have visibly stalled. */
const WARN_MS = 1_000;

/** Watches how late the event loop runs its timers: work that blocks it stops everything else in the process. */
export function watchLoopLag(clock: Pick<Clock, 'monotonicMs' | 'after'>, log: Log): LoopLag {
  let samples: { atMs: number; lagMs: number }[] = [];
  let cancel = (): void => undefined;
  const forgetOld = (nowMs: number): void => {
    samples = samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
  };
  const sample = (): void => {
    const dueMs = clock.monotonicMs() + SAMPLE_MS;
    cancel = clock.after(SAMPLE_MS, () => {
      const nowMs = clock.monotonicMs();
      const lagMs = Math.max(0, nowMs - dueMs);
      forgetOld(nowMs);
      samples.push({ atMs: nowMs, lagMs });
      if (lagMs >= WARN_MS) log.warn('The event loop stood still', { durationMs: Math.round(lagMs) });
      sample();
    });
  };
  sample();
  return {
    worstMs: () => {
      forgetOld(clock.monotonicMs());
      return Math.max(0, ...samples.map(({ lagMs }) => lagMs));
    },
    close: () => cancel(),
  };
}
