// `npm run soak -- --promise N`: the tests of a promise (docs/promises.md) at its stated number. `--share 0.01` tries a hundredth of it, `--minutes M`
// ends it after M, `--seed S` repeats a run, `--from N` goes on at its N-th step (promise 9). `npm run soak` alone is a shift of twelve hours at the
// page, `npm run soak -- --hostility M` M minutes of attacks. Everything stays on loopback, uses one test file at a time, and gives way to other processes.
import { spawn } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { oneFile, PROMISES, type SoakRun } from './soakRuns.ts';

const { values } = parseArgs({
  options: {
    promise: { type: 'string' },
    hostility: { type: 'string' },
    share: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(performance.timeOrigin) % 1_000_000_007) },
  },
});

function runsOf(): readonly SoakRun[] {
  if (values.hostility !== undefined)
    return [oneFile('pipeline', 'hostility', { HOSTILITY_SECONDS: 60 * Number(values.hostility) })];
  if (values.promise === undefined) return [oneFile('browser', 'shift', { SHIFT_HOURS: 12 })];
  const runs = PROMISES[Number(values.promise)];
  if (runs === undefined) throw new Error('--promise takes 1 to 16: docs/promises.md');
  return runs;
}

function run({ project, file, sizes }: SoakRun): Promise<number> {
  const share = Number(values.share);
  const knobs = Object.fromEntries(
    Object.entries(sizes).map(([name, stated]) => [name, String(Math.max(1, Math.ceil(stated * share)))]),
  );
  const limitMs = Number(values.minutes) * 60_000;
  const settings = { ...knobs, SOAK_SEED: values.seed, SOAK_FROM: values.from, SOAK_TIMEOUT_MS: String(limitMs) };
  console.log(
    `${file}: ${Object.entries(settings)
      .map((pair) => pair.join('='))
      .join(' ')}`,
  );
  const vitest = join(resolve(import.meta.dirname, '..'), 'node_modules/vitest/vitest.mjs');
  // Each fault counts: none is tried again.
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--retry', '0', '--maxWorkers', '1', '--project', project, file],
    {
      stdio: 'inherit',
      env: { ...process.env, ...settings },
      timeout: limitMs,
    },
  );
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)));
}

// Children inherit it; whoever has started this at a priority of their own keeps that.
if (getPriority() === 0) setPriority(10);
for (const each of runsOf()) process.exitCode = Math.max(Number(process.exitCode ?? 0), await run(each));
