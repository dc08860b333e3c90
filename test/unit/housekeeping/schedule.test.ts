import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import type { Log } from '../../../src/base/log.ts';
import { startHousekeeping, type HousekeepingOptions } from '../../../src/housekeeping/schedule.ts';
import { offsetOf, ZONES } from './zones.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A clock whose timers go off when it is moved over them. */
function steppedClock(startMs: number) {
  let [nowMs, monotonicMs] = [startMs, 0];
  const timers = new Set<{ dueMs: number; run: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => monotonicMs,
    sleep: () => Promise.reject(new Error('nothing here sleeps')),
    after: (ms, run) => {
      const timer = { dueMs: monotonicMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    timers,
    /** Somebody sets the wall clock. */
    set: (atMs: number) => {
      nowMs = atMs;
    },
    /** Time passes, a minute at a time; jobs get their turn after each. */
    pass: async (ms: number) => {
      const endMs = monotonicMs + ms;
      while (monotonicMs < endMs) {
        const due = Math.min(endMs, ...[...timers].map(({ dueMs }) => dueMs));
        nowMs += due - monotonicMs;
        monotonicMs = due;
        for (const timer of [...timers])
          if (timer.dueMs <= monotonicMs) {
            timers.delete(timer);
            timer.run();
          }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    /** The machine sleeps: the wall goes on, timers do not. */
    suspend: (ms: number) => {
      nowMs += ms;
    },
  };
}

function planned(startIso: string, zone: string, wishes: Partial<HousekeepingOptions> = {}) {
  const time = steppedClock(Date.parse(startIso));
  const ran: [string, string][] = [];
  const warnings: string[] = [];
  const noted = (job: string) => () => {
    ran.push([job, new Date(time.clock.now()).toISOString().slice(0, 16)]);
    return Promise.resolve();
  };
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => warnings.push(message),
    error: () => undefined,
    child: () => log,
  };
  const housekeeping = startHousekeeping({
    maintenance: {
      checkpoint: () => undefined,
      quickCheck: () => Promise.resolve(),
      backup: async () => {
        await noted('nightly')();
        return '';
      },
    },
    clock: time.clock,
    log,
    utcOffset: offsetOf(zone),
    retentionCron: '*/10 * * * *',
    nightlyCron: '15 3 * * *',
    proof: { cron: '17 */6 * * *', begin: noted('proof') },
    backupDir: '',
    backupsToKeep: 1,
    retain: noted('retention'),
    nudge: () => {
      noted('nudge')().catch(() => undefined);
    },
    ...wishes,
  });
  return {
    ...time,
    housekeeping,
    warnings,
    ran,
    times: (job: string) => ran.filter(([one]) => one === job).map(([, at]) => at),
  };
}

it('a proof of life follows another schedule from the next minute on, and none while there is none', async () => {
  const proof: { cron: string | null; begin: () => Promise<unknown> } = { cron: null, begin: () => Promise.resolve() };
  const begun: string[] = [];
  const { pass, clock, housekeeping } = planned('2026-11-02T08:00Z', ZONES.berlin, { proof });
  proof.begin = () => Promise.resolve(begun.push(new Date(clock.now()).toISOString().slice(11, 16)));
  await pass(HOUR_MS);
  expect(housekeeping.nextRunMs('proof')).toBeNull();
  proof.cron = '*/20 * * * *';
  await pass(HOUR_MS);
  proof.cron = '30 * * * *';
  await pass(HOUR_MS);
  proof.cron = null;
  await pass(HOUR_MS);
  expect(begun).toEqual(['09:20', '09:40', '10:00', '10:30']);
  await housekeeping.close();
});

it('an agent that does not keep house does no job but the nudge, until it does', async () => {
  let isOurs = false;
  const asked = new Set<string>();
  const { pass, ran, housekeeping } = planned('2026-11-02T01:10Z', ZONES.berlin, {
    isOurs: (job) => {
      asked.add(job);
      return Promise.resolve(isOurs);
    },
  });
  await pass(HOUR_MS);
  expect([new Set(ran.map(([job]) => job)), await housekeeping.run('nightly')]).toEqual([new Set(['nudge']), false]);
  isOurs = true;
  await pass(HOUR_MS);
  expect(new Set(ran.map(([job]) => job))).toEqual(new Set(['nudge', 'retention', 'nightly']));
  expect(asked).toEqual(new Set(['retention', 'nightly']));
  await housekeeping.close();
});

describe('housekeeping through the year', () => {
  /** Both changes of each zone in 2026 and the days around them. */
  it.each([
    ['2026-03-27T00:00Z', ZONES.berlin],
    ['2026-10-23T00:00Z', ZONES.berlin],
    ['2026-04-03T00:00Z', ZONES.lordHowe],
    ['2026-10-02T00:00Z', ZONES.lordHowe],
    ['2026-03-06T12:00Z', ZONES.havana],
    ['2026-10-30T12:00Z', ZONES.havana],
    ['2026-02-13T09:00Z', ZONES.casablanca],
    ['2026-03-20T09:00Z', ZONES.casablanca],
  ])('from %s in %s no minute, no ten minutes and no night is left out', async (from, zone) => {
    const { pass, times, housekeeping, warnings } = planned(from, zone);
    await pass(4 * 24 * HOUR_MS);
    expect(times('nudge')).toHaveLength(4 * 24 * 60);
    expect(times('retention')).toHaveLength(4 * 24 * 6);
    expect(times('nightly')).toHaveLength(4);
    expect(times('proof')).toHaveLength(16);
    expect(warnings).toEqual([]);
    await housekeeping.close();
  });

  it('makes up a night that the machine slept through, once, and says so', async () => {
    const { pass, suspend, times, warnings, housekeeping } = planned('2026-11-20T20:00Z', ZONES.berlin);
    await pass(HOUR_MS);
    suspend(3 * 24 * HOUR_MS);
    await pass(2 * MINUTE_MS);
    expect(times('nightly')).toEqual(['2026-11-23T21:01']);
    // Nightly, retention and proof.
    expect(warnings).toEqual(Array(3).fill('A planned run was missed and is made up now'));
    await pass(24 * HOUR_MS);
    expect(times('nightly')).toEqual(['2026-11-23T21:01', '2026-11-24T02:15']);
    await housekeeping.close();
  });

  it('makes up a night in which the agent was down, and waits for the next where none was missed', async () => {
    const at = '2026-11-20T08:00Z';
    for (const [lastIso, expected] of [
      ['2026-11-18T02:15:10Z', ['2026-11-20T08:01', '2026-11-21T02:15']],
      ['2026-11-20T02:15:10Z', ['2026-11-21T02:15']],
      [null, ['2026-11-21T02:15']],
    ] as const) {
      const { pass, times, housekeeping } = planned(at, ZONES.berlin, {
        lastNightlyMs: lastIso === null ? null : Date.parse(lastIso),
      });
      await pass(24 * HOUR_MS);
      expect(times('nightly')).toEqual(expected);
      await housekeeping.close();
    }
  });

  it('goes on when the clock is put back by a year, and when it is put right again', async () => {
    const { pass, set, times, warnings, housekeeping } = planned('2026-11-20T12:00Z', ZONES.berlin);
    set(Date.parse('2025-11-20T12:00:30Z'));
    await pass(25 * HOUR_MS);
    expect(times('nightly')).toEqual(['2025-11-21T02:15']);
    expect(times('retention')).toHaveLength(25 * 6);
    set(Date.parse('2026-11-21T13:00:30Z'));
    await pass(24 * HOUR_MS);
    expect(times('nightly')).toEqual(['2025-11-21T02:15', '2026-11-21T13:01', '2026-11-22T02:15']);
    expect(warnings[0]).toContain('put back');
    await housekeeping.close();
  });

  it('says when a job comes next, and plans nothing after its end', async () => {
    const { housekeeping, timers, pass, ran } = planned('2026-10-24T22:00Z', ZONES.berlin, {
      nightlyCron: '30 2 * * *',
    });
    expect(new Date(housekeeping.nextRunMs('nightly')!).toISOString()).toBe('2026-10-25T00:30:00.000Z');
    await pass(3 * HOUR_MS);
    expect(new Date(housekeeping.nextRunMs('nightly')!).toISOString()).toBe('2026-10-26T01:30:00.000Z');
    await housekeeping.close();
    const before = ran.length;
    expect(timers.size).toBe(0);
    await pass(HOUR_MS);
    expect(ran).toHaveLength(before);
  });

  it('names the option whose expression is none', () => {
    expect(() => planned('2026-01-01T00:00Z', ZONES.berlin, { retentionCron: 'often' })).toThrow(
      'housekeeping.retentionCron: "often" is not a cron expression',
    );
  });
});
