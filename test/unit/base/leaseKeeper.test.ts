import { expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { createLeaseKeeper, type LeaseRecord } from '../../../src/base/leaseKeeper.ts';
import { createLog } from '../../../src/base/log.ts';

const LEASE_MS = 900;

/** A clock whose sleeps and timers end when a test moves it. */
function movedClock() {
  let nowMs = 5_000;
  const timers = new Set<{ atMs: number; run: () => void }>();
  const after = (ms: number, run: () => void) => {
    const timer = { atMs: nowMs + ms, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const clock: Pick<Clock, 'monotonicMs' | 'after' | 'sleep'> = {
    monotonicMs: () => nowMs,
    after: (ms, run) => after(ms, run),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const cancel = after(ms, resolve);
        const end = (): void => {
          cancel();
          resolve();
        };
        signal?.addEventListener('abort', end, { once: true });
      }),
  };
  const move = async (ms: number): Promise<void> => {
    nowMs += ms;
    for (const timer of [...timers].filter(({ atMs }) => atMs <= nowMs)) {
      timers.delete(timer);
      timer.run();
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, move };
}

function keeping() {
  const { clock, move } = movedClock();
  const record = {
    takeLease: vi.fn<LeaseRecord['takeLease']>(() => Promise.resolve(true)),
    renewLeases: vi.fn<LeaseRecord['renewLeases']>((works) => Promise.resolve([...works])),
    endLeases: vi.fn<LeaseRecord['endLeases']>(() => Promise.resolve()),
  };
  const keeper = createLeaseKeeper(record, { leaseMs: LEASE_MS, clock, log: createLog('silent') });
  onTestFinished(keeper.close);
  return { keeper, record, move };
}

it('holds what it has taken, and renews it thrice in its time', async () => {
  const { keeper, record, move } = keeping();
  const lost = await keeper.hold('send');
  for (let third = 0; third < 9; third += 1) {
    await move(LEASE_MS / 3);
    expect(record.renewLeases).toHaveBeenCalledTimes(third + 1);
  }
  expect(record.renewLeases).toHaveBeenLastCalledWith(['send'], LEASE_MS);
  expect([await keeper.hold('send'), record.takeLease.mock.calls]).toEqual([lost, [['send', LEASE_MS]]]);
  expect(lost!.aborted).toBe(false);
});

it('has nothing while somebody else holds it', async () => {
  const { keeper, record, move } = keeping();
  record.takeLease.mockResolvedValueOnce(false);
  expect(await keeper.hold('send')).toBeNull();
  await move(LEASE_MS);
  expect(record.renewLeases).not.toHaveBeenCalled();
});

it('loses at once what somebody else has taken, keeps the rest, and can take it again', async () => {
  const { keeper, record, move } = keeping();
  const [send, watch] = [await keeper.hold('send'), await keeper.hold('watch')];
  record.renewLeases.mockResolvedValueOnce(['watch']);
  await move(LEASE_MS / 3);
  expect([send!.aborted, watch!.aborted]).toEqual([true, false]);
  expect((await keeper.hold('send'))!.aborted).toBe(false);
});

it('loses what it cannot renew when its time is over, counted from before it was last asked for', async () => {
  const { keeper, record, move } = keeping();
  let answer: (isTaken: boolean) => void = () => undefined;
  record.takeLease.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
  record.renewLeases.mockRejectedValue(new Error('out of reach'));
  const taking = keeper.hold('send');
  await move(100);
  answer(true);
  const lost = await taking;
  await move(LEASE_MS - 101);
  expect(lost!.aborted).toBe(false);
  await move(1);
  expect(lost!.aborted).toBe(true);
});

it('does not get back by a late answer what it has lost meanwhile', async () => {
  const { keeper, record, move } = keeping();
  const first = await keeper.hold('send');
  let answer: (renewed: string[]) => void = () => undefined;
  record.renewLeases.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
  await move(LEASE_MS / 3);
  await move(LEASE_MS);
  expect(first!.aborted).toBe(true);
  const second = await keeper.hold('send');
  answer([]);
  await move(0);
  expect([second!.aborted, await keeper.hold('send')]).toEqual([false, second]);
});

it('gives everything back when it is closed', async () => {
  const { keeper, record } = keeping();
  await keeper.hold('send');
  await keeper.close();
  expect(record.endLeases).toHaveBeenCalledTimes(1);
});
