import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import { startWakingLoop } from './wakingLoop.ts';

/** Leases on record, which others can take when they have run out. */
export interface LeaseRecord {
  /** Takes the lease of `work`, or renews it; false while somebody else holds it. */
  takeLease(work: string, leaseMs: number): Promise<boolean>;
  /** Renews leases; returns those that are still held. */
  renewLeases(works: readonly string[], leaseMs: number): Promise<string[]>;
  /** Ends all leases of this process. */
  endLeases(): Promise<void>;
}

/** Holds pieces of work that one process of several does at a time. */
export interface LeaseKeeper {
  /** Holds `work` from now on, until the signal aborts or the keeper is closed; null while somebody else does it. */
  hold(work: string): Promise<AbortSignal | null>;
  /** Gives everything back. Whoever works on something has ended it before. */
  close: () => Promise<void>;
}

interface Held {
  lost: AbortController;
  cancel: () => void;
}

/**
 * Leases are renewed thrice in their time. One that could not be renewed is lost here no later than others may take it: its time is counted from before it was
 * asked for, on a clock that never jumps. A process that stood still loses what it held before it goes on.
 */
export function createLeaseKeeper(
  record: LeaseRecord,
  { leaseMs, clock, log }: { leaseMs: number; clock: Pick<Clock, 'monotonicMs' | 'after' | 'sleep'>; log: Log },
): LeaseKeeper {
  const held = new Map<string, Held>();
  const lose = (work: string): void => {
    const one = held.get(work);
    if (one === undefined) return;
    held.delete(work);
    one.cancel();
    one.lost.abort();
    log.warn('work is left to whoever takes it: its lease was not renewed in time', { job: work });
  };
  const keepUntil = (work: string, untilMs: number, lost: AbortController): void => {
    held.get(work)?.cancel();
    const leftMs = untilMs - clock.monotonicMs();
    held.set(work, { lost, cancel: clock.after(Math.max(0, leftMs), () => lose(work)) });
  };
  const loop = startWakingLoop({
    step: async () => {
      if (held.size === 0) return false;
      const untilMs = clock.monotonicMs() + leaseMs;
      const before = [...held];
      const renewed = new Set(await record.renewLeases([...held.keys()], leaseMs));
      for (const [work, { lost }] of before)
        if (held.get(work)?.lost === lost)
          if (renewed.has(work)) keepUntil(work, untilMs, lost);
          else lose(work);
      return false;
    },
    pollMs: leaseMs / 3,
    retryMs: () => leaseMs / 10,
    onError: (error) => log.warn('leases are not renewed', { error }),
    clock,
  });
  return {
    hold: async (work) => {
      const present = held.get(work);
      if (present !== undefined) return present.lost.signal;
      const untilMs = clock.monotonicMs() + leaseMs;
      if (!(await record.takeLease(work, leaseMs))) return null;
      const lost = new AbortController();
      keepUntil(work, untilMs, lost);
      return lost.signal;
    },
    close: async () => {
      await loop.stop();
      for (const { cancel } of held.values()) cancel();
      held.clear();
      await record.endLeases();
    },
  };
}
