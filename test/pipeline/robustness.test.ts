import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import type { LabelledCase } from '../../src/dataset/dataset.ts';
import { readDataset } from '../../src/dataset/readDataset.ts';
import { writePhantomCohort } from '../../src/phantom/writePhantomCohort.ts';
import type { TextureRange } from '../../src/preprocess/texture.ts';
import { writeChanged } from '../../training/changedScans.ts';
import { runTool } from '../interop/dcmtk.ts';

let dir: string;
let cohort: string;
let labelled: LabelledCase;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-robustness-'));
  cohort = join(dir, 'cohort');
  await mkdir(join(dir, 'tmp'));
  await writePhantomCohort({
    seed: 9_300_011,
    count: 1,
    slices: 32,
    rows: 128,
    fracture: 'burst@C5',
    grade: 'obvious',
    out: cohort,
  });
  [labelled] = (await readDataset(cohort)).cases as [LabelledCase];
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a command of the training with a folder for temporary files that nothing else uses. */
async function command(script: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, TMPDIR: join(dir, 'tmp') };
  const ran = await runTool(process.execPath, ['--import', 'tsx', `training/${script}`, ...args], {
    cwd: packageRoot,
    env,
    timeoutMs: 170_000,
  });
  expect(ran.exitCode, ran.stderr).toBe(0);
  return ran.stdout;
}
const leftBehind = async (): Promise<string[]> =>
  (await readdir(join(dir, 'tmp'))).filter((name) => name.startsWith('odontoid-'));

it('the table has the unchanged scans and the changes that were asked for, and leaves no scans behind', async () => {
  const table = await command('robustness.ts', '--dataset', cohort, '--cases', '1', '--only', 'offset, -');
  expect(table.trim().split('\n').slice(2)).toEqual([
    '| none | 0/0 | 1/1 | 0/1 | 0/1 | 0/1 |',
    expect.stringMatching(/^\| offset, -30 HU \| 0\/0 \| [01]\/1 \| 0\/1 \| [01]\/1 \| 0\/1 \|$/),
  ]);
  expect(await leftBehind()).toEqual([]);
});

it('limits of texture come from phantoms that are not judged by them, and those that are drawn are kept', async () => {
  const out = join(dir, 'texture');
  const asked = ['--out', out, '--fit', '2', '--judge', '1', '--rows', '128', '--only', 'mean of 3', '--workers', '1'];
  const said = await command('textureLimits.ts', ...asked);
  const { changeInPlane, changeAlong } = JSON.parse(said.split('\n')[0]!) as TextureRange;
  expect(changeInPlane.high / changeInPlane.low).toBeGreaterThan(1.24);
  expect(changeAlong.high / changeAlong.low).toBeGreaterThan(1.55);
  const rows = said.split('\n').filter((line) => / \d\/1 \|$/.test(line));
  expect(rows.map((row) => row.split(' | ')[0])).toEqual(['| none', '| thickness, mean of 3 slices']);
  const [unchanged, averaged] = rows.map((row) => Number(row.split(' | ')[2]!.split(', ')[1]));
  expect(averaged).toBeLessThan(0.7 * unchanged!);
  const drawn = await Promise.all((await readdir(out)).map(async (name) => (await stat(join(out, name))).mtimeMs));
  expect(await command('textureLimits.ts', ...asked)).toBe(said);
  expect(await Promise.all((await readdir(out)).map(async (name) => (await stat(join(out, name))).mtimeMs))).toEqual(
    drawn,
  );
});

it('with the domain check switched off, a scan that is refused for its distance and its anatomy is scored', async () => {
  const scans = join(dir, 'scans');
  const bonier = {
    name: 'offset of 400 HU',
    apply: ({ slices }: { slices: readonly Float32Array[] }) => slices.map((hu) => hu.map((value) => value + 400)),
  };
  const { folder } = await writeChanged(labelled, bonier, scans);
  const said = await command('openGate.ts', '--scans', scans);
  expect(said).toMatch(
    new RegExp(
      `^${basename(folder)}: not scored, .*cm² of bone.* \\(distance \\d+\\.\\d\\d\\); with the check switched off: [01]\\.\\d{3} \\(distance (\\d+\\.\\d\\d)\\)\n` +
        '1 of 1 scans are not scored\\. With the check switched off 1 are, and [01] of them flagged\\.\n$',
    ),
  );
  expect(Number(/off: \S+ \(distance (\S+)\)/.exec(said)![1])).toBeGreaterThan(1.1);
  expect(await leftBehind()).toEqual([]);
});
