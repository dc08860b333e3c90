import { expect, it } from 'vitest';
import { watchClockSteps, type ClockStep } from '../../../src/base/clockSteps.ts';

const HOUR_MS = 3_600_000;

/** A wall clock that can be set, beside one that never jumps. */
function settableClock() {
  const time = { wallMs: Date.UTC(2026, 10, 29), monotonicMs: 1_000 };
  let look = (): void => undefined;
  const clock = {
    now: () => time.wallMs,
    monotonicMs: () => time.monotonicMs,
    sleep: () => Promise.resolve(),
    after: (_ms: number, run: () => void) => {
      look = run;
      return () => undefined;
    },
  };
  const pass = (ms: number, setByMs = 0) => {
    time.monotonicMs += ms;
    time.wallMs += ms + setByMs;
    look();
  };
  return { clock, pass };
}

it('tells of each step of the wall clock, and of nothing else', () => {
  const { clock, pass } = settableClock();
  const told: ClockStep[] = [];
  const steps = watchClockSteps(clock, (step) => told.push(step));
  pass(5_000);
  pass(5_000, 300);
  pass(600_000);
  expect([told, steps.recent(), steps.count()]).toEqual([[], null, 0]);
  pass(5_000, -365 * 24 * HOUR_MS);
  expect(told.map(({ byMs }) => byMs)).toEqual([-365 * 24 * HOUR_MS]);
  pass(5_000);
  pass(5_000, 6_000);
  expect([told.length, steps.recent()?.byMs, steps.count()]).toEqual([2, 6_000, 2]);
  pass(23 * HOUR_MS);
  expect(steps.recent()?.byMs).toBe(6_000);
  pass(2 * HOUR_MS);
  expect(steps.recent()).toBeNull();
});
