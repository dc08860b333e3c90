import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import { createModelServing, type ModelServing, type WantedModel } from '../../../src/infer/modelServing.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Timers fire when a test says so: `pass` moves the time on and runs what is due. */
function steppedClock() {
  let now = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const cancel = clock.after(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          resolve();
        });
      }),
    after: (ms, run) => {
      const timer = { atMs: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const pass = async (ms: number) => {
    // Whoever begins to wait now is waiting by then.
    await settle();
    now += ms;
    for (const timer of [...timers]) {
      if (timer.atMs > now) continue;
      timers.delete(timer);
      timer.run();
    }
  };
  return { clock, pass, timers };
}

interface Wanted extends WantedModel {
  fails?: string;
}

const wantedOf = (id: number, sha256 = `sha-${id}`): Wanted => ({
  key: `activation ${id}`,
  identity: { name: 'm', version: String(id), sha256 },
});

function setUp() {
  const { clock, pass, timers } = steppedClock();
  const state = { wanted: wantedOf(1) as Wanted | null, fallback: null as Wanted | null, broken: new Set<string>() };
  const told: string[] = [];
  const closed: string[] = [];
  let onTaken = (): void => undefined;
  const serving: ModelServing = createModelServing<Wanted>({
    wanted: () => Promise.resolve(state.wanted),
    fallback: () => Promise.resolve(state.fallback),
    load: ({ identity }) => {
      told.push(`load ${identity!.version}`);
      if (state.broken.has(identity!.sha256)) return Promise.reject(new Error('The golden case differs.'));
      const model = {
        identity: identity!,
        provider: 'cpu',
        close: () => {
          closed.push(identity!.version);
          return Promise.resolve();
        },
      };
      return Promise.resolve(model as unknown as TriageModel);
    },
    taken: ({ key }) => {
      onTaken();
      told.push(`taken ${key}`);
      return Promise.resolve();
    },
    failed: ({ key }, failure) => {
      told.push(`failed ${key}: ${failure}`);
      return Promise.resolve();
    },
    clock,
    log: createLog('silent'),
  });
  return {
    serving,
    state,
    told,
    closed,
    pass,
    timers,
    onTaken: (run: () => void) => {
      onTaken = run;
    },
  };
}

describe('the network of a role', () => {
  it('follows the database by itself: the new one is taken before it serves, the old one closes when nobody holds it', async () => {
    const { serving, state, told, closed, pass } = setUp();
    await serving.look();
    const lease = serving.lease()!;
    state.wanted = wantedOf(2);
    await pass(2_000);
    await settle();
    expect(serving.model()?.identity.version).toBe('2');
    expect(told).toEqual(['load 1', 'taken activation 1', 'load 2', 'taken activation 2']);
    expect([lease.model.identity.version, lease.isCurrent(), closed]).toEqual(['1', false, []]);
    lease.release();
    lease.release();
    expect(closed).toEqual(['1']);
    await serving.close();
    expect(closed).toEqual(['1', '2']);
  });

  it('whoever holds the old one is told before the new one’s operating point can be in force', async () => {
    const { serving, state, onTaken } = setUp();
    await serving.look();
    const lease = serving.lease()!;
    expect(lease.isCurrent()).toBe(true);
    state.wanted = wantedOf(2);
    let during: boolean | null = null;
    onTaken(() => {
      during = lease.isCurrent() || serving.lease()!.isCurrent();
    });
    await serving.look();
    expect(during).toBe(false);
    await serving.close();
  });

  it('one that does not load leaves the old one serving, says why, and is tried again with patience', async () => {
    const { serving, state, told, closed, pass } = setUp();
    await serving.look();
    state.broken.add('sha-2');
    state.wanted = wantedOf(2);
    await serving.look();
    expect([serving.model()?.identity.version, serving.error(), closed]).toEqual(['1', 'The golden case differs.', []]);
    expect(told.at(-1)).toBe('failed activation 2: The golden case differs.');
    for (let looks = 0; looks < 5; looks++) await serving.look();
    expect(told.filter((what) => what === 'load 2')).toHaveLength(1);
    state.broken.clear();
    await pass(30_000);
    await settle();
    expect([serving.model()?.identity.version, serving.error()]).toEqual(['2', null]);
    await serving.close();
  });

  it('another decision is followed at once, whatever the last one came to', async () => {
    const { serving, state, told } = setUp();
    await serving.look();
    state.broken.add('sha-2');
    state.wanted = wantedOf(2);
    await serving.look();
    state.wanted = wantedOf(3, 'sha-1');
    await serving.look();
    // The same package by a new decision: nothing is loaded again.
    expect(told.slice(-2)).toEqual(['failed activation 2: The golden case differs.', 'taken activation 3']);
    expect([serving.model()?.identity.version, serving.error()]).toEqual(['1', null]);
    await serving.close();
  });

  it('at a start, one that does not load gives way to what served before, or to nothing', async () => {
    const { serving, state, told } = setUp();
    state.broken.add('sha-1');
    await serving.look();
    expect([serving.model(), serving.lease(), serving.error()]).toEqual([null, null, 'The golden case differs.']);
    await serving.close();

    const again = setUp();
    again.state.broken.add('sha-1');
    again.state.fallback = wantedOf(0);
    await again.serving.look();
    expect([again.serving.model()?.identity.version, again.serving.error()]).toEqual(['0', 'The golden case differs.']);
    expect(told).toHaveLength(2);
    await again.serving.close();
  });

  it('ends when it is wanted no more, and asks nothing after the close', async () => {
    const { serving, state, told, closed, timers, pass } = setUp();
    await serving.look();
    state.wanted = null;
    await serving.look();
    expect([serving.model(), serving.error()]).toEqual([null, null]);
    await settle();
    expect(closed).toEqual(['1']);
    await serving.close();
    state.wanted = wantedOf(2);
    await pass(60_000);
    await serving.look();
    expect([timers.size, told.length]).toEqual([0, 2]);
  });
});
