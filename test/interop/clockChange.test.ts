import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';

/** From 01:58 summer time to 03:08 winter time in Berlin, 130 minutes, at 240 times the speed. */
const START = '@2026-10-25 01:58:00 x240';
const FAKE_MINUTES = 130;

const script = `
  import { startHousekeeping } from './src/housekeeping/schedule.ts';
  import { systemClock } from './src/base/clock.ts';
  import { createLog } from './src/base/log.ts';
  const ran = [];
  const startedMs = Date.now();
  const note = (job) => () => { ran.push([job, new Date().toISOString().slice(11, 16)]); return Promise.resolve(); };
  const housekeeping = startHousekeeping({
    maintenance: { checkpoint() {}, quickCheck() {}, backup: note('nightly') },
    clock: systemClock, log: createLog('silent'), retentionCron: '*/10 * * * *', nightlyCron: '30 2 * * *',
    backupDir: '', backupsToKeep: 1, retain: note('retention'), nudge: note('nudge'),
  });
  setTimeout(async () => {
    await housekeeping.close();
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ ran, minutes: Math.round((Date.now() - startedMs) / 60000), cpuMs: (user + system) / 1000 }));
  }, ${FAKE_MINUTES} * 60_000);
`;

/** node-cron alone ran nothing in these two hours and kept a core busy. The real clock, timers and zone tables of the process are what is tried here. */
test('jobs run through the night the clocks go back, on a real clock at 240 times the speed', async () => {
  const { stdout } = await promisify(execFile)(
    'faketime',
    ['-f', START, process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: packageRoot, env: { ...process.env, TZ: 'Europe/Berlin' } },
  );
  const { ran, minutes, cpuMs } = JSON.parse(stdout) as { ran: [string, string][]; minutes: number; cpuMs: number };
  const times = (job: string) => ran.filter(([one]) => one === job).map(([, at]) => at);
  expect(minutes).toBeGreaterThanOrEqual(FAKE_MINUTES);
  expect(times('nightly')).toEqual([expect.stringMatching(/^00:3/)]);
  // Tens of minutes: a busy machine may be a minute late.
  const tens = ['00:0', '00:1', '00:2', '00:3', '00:4', '00:5', '01:0', '01:1', '01:2', '01:3', '01:4', '01:5', '02:0'];
  expect(times('retention').map((at) => at.slice(0, 4))).toEqual(tens);
  // A quarter of a second is one minute here: a busy machine may join two.
  expect(times('nudge').length).toBeGreaterThan(FAKE_MINUTES * 0.9);
  expect(times('nudge').length).toBeLessThanOrEqual(FAKE_MINUTES + 1);
  expect(cpuMs).toBeLessThan(10_000);
});
