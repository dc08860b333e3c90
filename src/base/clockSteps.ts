import type { Clock } from './clock.ts';

export interface ClockStep {
  /** By how much the wall clock was set: greater than 0 when it was set forward, ms. */
  byMs: number;
  /** Wall time after the step. */
  atMs: number;
}

export interface ClockSteps {
  /** The newest step of the last 24 hours (by the clock that never jumps); null when there was none. */
  recent(): ClockStep | null;
  /** Steps since the start. */
  count(): number;
  close: () => void;
}

const LOOK_MS = 5_000;
/** A smaller difference is drift, or the slewing of a time service. */
const LEAST_STEP_MS = 5_000;
const RECENT_MS = 24 * 3_600_000;

/** Compares the wall clock with the monotonic one, and reports each step. A machine that slept shows as a step forward. */
export function watchClockSteps(clock: Clock, onStep: (step: ClockStep) => void): ClockSteps {
  const offset = (): number => clock.now() - clock.monotonicMs();
  let lastOffsetMs = offset();
  let newest: { step: ClockStep; monotonicMs: number } | null = null;
  let count = 0;
  let cancel = (): void => undefined;
  const look = (): void => {
    const offsetMs = offset();
    const byMs = offsetMs - lastOffsetMs;
    lastOffsetMs = offsetMs;
    if (Math.abs(byMs) >= LEAST_STEP_MS) {
      const step = { byMs, atMs: clock.now() };
      newest = { step, monotonicMs: clock.monotonicMs() };
      count += 1;
      onStep(step);
    }
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return {
    recent: () => (newest !== null && clock.monotonicMs() - newest.monotonicMs < RECENT_MS ? newest.step : null),
    count: () => count,
    close: () => cancel(),
  };
}
