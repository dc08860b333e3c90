import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';

/** From 01:58 summer time to 03:08 winter time in Berlin, 130 minutes, at 240 times the speed. */
const START = '@2026-10-25 01:58:00 x240';
const FAKE_MINUTES = 130;
const MINUTE_MS = 60_000;

const script = `
  import { startHousekeeping } from './src/housekeeping/schedule.ts';
  import { systemClock } from './src/base/clock.ts';
  import { createLog } from './src/base/log.ts';
  const ran = [];
  const startedMs = Date.now();
  const note = (job) => () => { ran.push([job, Date.now()]); return Promise.resolve(); };
  const housekeeping = startHousekeeping({
    maintenance: { checkpoint() {}, quickCheck() {}, backup: note('nightly') },
    clock: systemClock, log: createLog('silent'), retentionCron: '*/10 * * * *', nightlyCron: '30 2 * * *',
    backupDir: '', backupsToKeep: 1, retain: note('retention'), nudge: note('nudge'),
  });
  setTimeout(async () => {
    await housekeeping.close();
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ ran, startedMs, endedMs: Date.now(), cpuMs: (user + system) / 1000 }));
  }, ${FAKE_MINUTES} * 60_000);
`;

interface Night {
  ran: [job: string, atMs: number][];
  startedMs: number;
  endedMs: number;
  cpuMs: number;
}

function nudgeBefore(ran: Night['ran'], at: number): number | undefined {
  return ran.slice(0, at).findLast(([job]) => job === 'nudge')?.[1];
}

/** The first minute tick at or after each of the planned times: a machine too busy for some minutes makes several planned runs one. */
function runsDue(plannedMs: number[], ticksMs: number[]): number[] {
  const due = plannedMs.map((planned) => ticksMs.find((tick) => tick >= planned)).filter((tick) => tick !== undefined);
  return [...new Set(due)];
}

/** node-cron alone ran nothing in these two hours and kept a core busy. The real clock, timers and zone tables of the process are what is tried here. */
test('jobs run through the night the clocks go back, on a real clock at 240 times the speed', async () => {
  const { stdout } = await promisify(execFile)(
    'faketime',
    ['-f', START, process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: packageRoot, env: { ...process.env, TZ: 'Europe/Berlin' } },
  );
  const { ran, startedMs, endedMs, cpuMs } = JSON.parse(stdout) as Night;
  const ticks = ran.filter(([job]) => job === 'nudge').map(([, atMs]) => atMs);
  // Each tick nudges first, so the nudge before a run tells the tick that it belongs to.
  const times = (job: string) => ran.flatMap(([one], at) => (one === job ? [nudgeBefore(ran, at)] : []));
  expect(endedMs - startedMs).toBeGreaterThanOrEqual(FAKE_MINUTES * MINUTE_MS);
  expect(ticks.length, 'one tick a minute').toBeLessThanOrEqual((1.1 * (endedMs - startedMs)) / MINUTE_MS);
  // Two hours without a tick were the fault; a slow machine is late by some minutes, which are quarters of a second here.
  expect(ticks.length).toBeGreaterThan(FAKE_MINUTES / 4);
  const firstTen = Math.ceil(startedMs / (10 * MINUTE_MS)) * 10 * MINUTE_MS;
  const tens = Array.from({ length: 13 }, (_, index) => firstTen + index * 10 * MINUTE_MS);
  expect(times('retention')).toEqual(runsDue(tens, ticks));
  // 02:30 comes twice in this night, and the job runs at the first, in summer time.
  expect(times('nightly')).toEqual(runsDue([Date.parse('2026-10-25T00:30:00Z')], ticks));
  // A timer that does not wait takes all of the half minute that this lasts.
  expect(cpuMs).toBeLessThan(15_000);
});
