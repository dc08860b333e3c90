import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { startWakingLoop, type WakingLoopOptions } from '../../../src/base/wakingLoop.ts';

/** A loop on the real clock that is stopped when the test ends; `looks` counts its steps. */
function start(wishes: Partial<WakingLoopOptions> & { work?: () => Promise<boolean> }) {
  const seen = { looks: 0, errors: [] as string[] };
  const loop = startWakingLoop({
    step: async () => {
      seen.looks += 1;
      return (await wishes.work?.()) ?? false;
    },
    pollMs: 3_600_000,
    onError: (error, failures) => seen.errors.push(`${(error as Error).message} ${failures}`),
    clock: systemClock,
    ...wishes,
  });
  onTestFinished(loop.stop);
  return { loop, seen };
}

const until = (condition: () => boolean) => vi.waitUntil(condition, { interval: 2, timeout: 20_000 });

describe('a waking loop', () => {
  it('works while there is work, then rests until it is woken', async () => {
    let work = 3;
    const { loop, seen } = start({ work: () => Promise.resolve(--work > 0) });
    await until(() => work === 0);
    await systemClock.sleep(30);
    expect(seen.looks).toBe(3);
    loop.wake();
    await until(() => seen.looks === 4);
  });

  it('leaves the work to another process, and rests, until it is its own', async () => {
    let asked = 0;
    const { seen } = start({ pollMs: 5, isOurs: () => Promise.resolve((asked += 1) > 3) });
    await until(() => seen.looks > 0);
    expect(asked).toBeGreaterThan(3);
  });

  it('looks again by itself after its poll', async () => {
    const { seen } = start({ pollMs: 10 });
    await until(() => seen.looks > 3);
  });

  it('rests for ever without a poll, and a wake ends that too', async () => {
    const sleep = vi.fn(systemClock.sleep.bind(systemClock));
    const { loop, seen } = start({ pollMs: null, clock: { sleep } });
    await systemClock.sleep(20);
    expect([seen.looks, sleep.mock.calls]).toEqual([1, []]);
    loop.wake();
    await until(() => seen.looks === 2);
  });

  it('does not sleep through a wake that comes during a look', async () => {
    let go = (): void => undefined;
    const { loop, seen } = start({
      work: () =>
        new Promise((resolve) => {
          go = () => resolve(false);
        }),
    });
    await until(() => seen.looks === 1);
    loop.wake();
    go();
    await until(() => seen.looks === 2);
    go();
  });

  it('answers wakes that come close together by one look', async () => {
    const { loop, seen } = start({ coalesceMs: 60 });
    await until(() => seen.looks === 1);
    const beganMs = performance.now();
    for (let wakes = 0; wakes < 20; wakes++) {
      loop.wake();
      await systemClock.sleep(1);
    }
    await until(() => seen.looks === 2);
    await systemClock.sleep(150);
    expect(seen.looks).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - beganMs) / 60));
  });

  it('goes on after failures, waiting longer each time, whether or not it is woken', async () => {
    const waits: number[] = [];
    let bad = 3;
    const { loop, seen } = start({
      work: () => (bad-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve(false)),
      retryMs: (failures) => failures * 7,
      clock: {
        sleep: (ms) => {
          waits.push(ms);
          loop.wake();
          return systemClock.sleep(Math.min(ms, 30));
        },
      },
    });
    await until(() => waits.length === 4);
    expect(waits.slice(0, 3)).toEqual([7, 14, 21]);
    expect(seen.errors).toEqual(['full 1', 'full 2', 'full 3']);
  });

  it('stops at once while it rests or waits after a failure, and finishes the step in hand', async () => {
    const resting = start({});
    const failing = start({ work: () => Promise.reject(new Error('no')), retryMs: () => 3_600_000 });
    let isOver = false;
    const working = start({
      step: async (stopping) => {
        await systemClock.sleep(3_600_000, stopping);
        isOver = true;
        return true;
      },
    });
    await until(() => failing.seen.errors.length === 1);
    await Promise.all([resting.loop.stop(), failing.loop.stop(), working.loop.stop()]);
    expect([resting.seen.looks, failing.seen.looks, isOver]).toEqual([1, 1, true]);
  });
});
