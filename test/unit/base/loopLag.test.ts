import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { watchLoopLag } from '../../../src/base/loopLag.ts';

describe('the lag of the event loop', () => {
  it('sees a loop that is really blocked', async () => {
    const lag = watchLoopLag(systemClock, createLog('silent'));
    onTestFinished(lag.close);
    const untilMs = performance.now() + 1_300;
    while (performance.now() < untilMs);
    await systemClock.sleep(20);
    expect(lag.worstMs()).toBeGreaterThan(700);
  });

  it('keeps the worst of the last minute, and forgets it then', () => {
    let nowMs = 0;
    let due = { atMs: 0, run: (): void => undefined };
    const clock = {
      monotonicMs: () => nowMs,
      after: (ms: number, run: () => void) => {
        due = { atMs: nowMs + ms, run };
        return () => undefined;
      },
    };
    const lag = watchLoopLag(clock, createLog('silent'));
    const turn = (lateMs: number) => {
      nowMs = due.atMs + lateMs;
      due.run();
    };
    turn(0);
    turn(1_700);
    turn(3);
    expect(lag.worstMs()).toBe(1_700);
    for (let passedMs = 0; passedMs < 61_000; passedMs += 500) turn(2);
    expect(lag.worstMs()).toBe(2);
  });
});
