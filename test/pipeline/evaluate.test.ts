import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { readDataset } from '../../src/dataset/readDataset.ts';
import { evaluateCohort } from '../../src/cohort/evaluateCohort.ts';
import { createLog } from '../../src/base/log.ts';
import { writePhantomCohort } from '../../src/phantom/writePhantomCohort.ts';

/** The shape that docs/evaluation.md promises. */
interface Report {
  speed: { slices: number; slicesKept: number };
  evaluation: { threshold: number; cohort: object; table3: { imbalanced: { confusion: object } } };
  cases: {
    id: string;
    label: boolean;
    probability: number | null;
    reason: string | null;
    slices: number;
    localisation: { hotspotInMask: boolean } | null;
  }[];
  problems: { where: string; problem: string; dropped: boolean }[];
}

let root: string;
let cohort: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'odontoid-evaluate-'));
  cohort = path.join(root, 'cohort');
  await writePhantomCohort({
    seed: 77_600_000,
    count: 3,
    slices: 20,
    rows: 256,
    paper: { prevalence: 0.5 },
    out: cohort,
  });
  // What goes wrong in real datasets: a label that is none, a folder that is gone, a slice cut short, a file that is no image.
  await appendFile(path.join(cohort, 'cases.csv'), 'study-77600001,perhaps\ngone,,,F,70,0,,,20,1,\n');
  const labels = await readFile(path.join(cohort, 'labels.csv'), 'utf8');
  const cut = labels
    .split('\n')
    .find((line) => line.startsWith('study-77600002/'))!
    .split(',')[0]!;
  await truncate(path.join(cohort, cut), 40_000);
  await writeFile(path.join(cohort, 'study-77600000', 'readme.txt'), 'Exported on Tuesday.');
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

/** The command as a user runs it; killed once its progress says `killAt`. */
function evaluate(
  args: readonly string[],
  killAt?: RegExp,
): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'evaluate', ...args], { cwd: packageRoot });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (killAt?.test(stderr)) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

describe('odontoid evaluate', () => {
  it('goes on where it was killed, does again what changed, and lists what is wrong', async () => {
    const cacheDir = path.join(root, 'records');
    const killed = await evaluate([cohort, '--cache', cacheDir, '--json'], /Cases: 1\/3/);
    expect([killed.signal, killed.stdout]).toEqual(['SIGKILL', '']);

    const { cases } = await readDataset(cohort);
    const resumed = await evaluateCohort({
      cases,
      cacheDir,
      config: configFrom({}),
      clock: systemClock,
      log: createLog('silent'),
    });
    expect(resumed.speed.slicesKept).toBeGreaterThan(0);
    expect(resumed.speed.slices + resumed.speed.slicesKept).toBe(60);

    // A file that changed costs its case, another threshold nothing.
    await utimes(path.join(cohort, 'study-77600000', 'readme.txt'), new Date(0), new Date(0));
    const html = path.join(root, 'report.html');
    const again = await evaluate([cohort, '--cache', cacheDir, '--threshold', '0', '--json', '--html', html]);
    expect(again.code).toBe(0);
    const report = JSON.parse(again.stdout) as Report;
    expect(report.speed).toMatchObject({ slices: 20, slicesKept: 40 });
    expect(report.cases).toMatchObject(
      resumed.cases.map(({ id, label, probability, reason, localisation }) => ({
        id,
        label,
        probability,
        reason,
        localisation,
      })),
    );
    expect(report.evaluation.table3.imbalanced.confusion).toEqual({
      truePositives: 1,
      falsePositives: 1,
      trueNegatives: 0,
      falseNegatives: 0,
    });
    expect(report.cases[1]).toMatchObject({ label: true, slices: 20, localisation: { hotspotInMask: true } });
    expect(await readFile(html, 'utf8')).toContain('Table 3. Case level');

    // Nothing is dropped in silence.
    expect(report.problems.map(({ where, dropped }) => `${dropped ? 'dropped' : 'kept'} ${where}`)).toEqual([
      'dropped cases.csv line 5',
      'dropped cases.csv line 6',
      'dropped study-77600000/readme.txt',
    ]);
    expect(again.stderr).toContain('left out: cases.csv line 5: ');
    expect(report.cases[2]).toMatchObject({ id: 'study-77600002', probability: null, reason: 'pixel-data' });
  });
});
