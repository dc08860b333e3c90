import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { odontoid } from './odontoidCommand.ts';

/** Commands that work in processes of their own, each called with relative paths only. What they name must lie under the caller's folder. */
let cwd: string;
let packageBefore: string[];
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'odontoid-relative-'));
  packageBefore = await packageFiles();
  await cp(join(packageRoot, 'models/compact'), join(cwd, 'model'), { recursive: true });
  // Whatever else runs on this machine may have the default ports.
  await writeFile(
    join(cwd, 'odontoid.yaml'),
    'dataDir: state\nreceive: { port: 0 }\nweb: { port: 0 }\nproofOfLife: { schedule: "off" }\n',
  );
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** Everything in the installed package, but not what others make and change meanwhile. */
async function packageFiles(): Promise<string[]> {
  const folders = (await readdir(packageRoot)).filter((name) => !name.startsWith('.'));
  const inside = await Promise.all(
    ['src', 'bin', 'models', 'config'].map((folder) => readdir(join(packageRoot, folder), { recursive: true })),
  );
  return [...folders, ...inside.flat()].sort();
}

test('phantom writes its cohort where the caller is, by several processes', async () => {
  const made = await odontoid(
    ['phantom', '--out', 'cohort', '--count', '2', '--rows', '64', '--slices', '30', '--seed', '7'],
    { cwd },
  );
  expect([made.exitCode, made.stderr]).toEqual([0, expect.stringContaining('cohort/labels.csv')]);
  expect((await readdir(join(cwd, 'cohort'))).sort()).toEqual([
    '.written',
    'cases.csv',
    'labels.csv',
    'study-000007',
    'study-000008',
  ]);
  expect(await readdir(join(cwd, 'cohort/study-000008'))).toHaveLength(30);
});

test.each([
  { args: ['analyse', 'cohort/study-000007', '--out', 'analysed'], makes: 'analysed' },
  { args: ['evaluate', 'cohort', '--model', 'model', '--html', 'page.html'], makes: 'page.html' },
  { args: ['model', 'verify', 'model'], makes: 'model' },
  { args: ['model', 'install', 'model'], makes: 'state/models' },
  { args: ['doctor'], makes: 'state' },
  { args: ['doctor', '--config', 'odontoid.yaml'], makes: 'state' },
])('$args takes relative paths from the caller’s folder', async ({ args, makes }) => {
  const result = await odontoid(args, { cwd });
  expect([result.exitCode, result.stderr]).toEqual([0, expect.not.stringContaining('odontoid:')]);
  expect(existsSync(join(cwd, makes))).toBe(true);
});

test('nothing was written into the installed package', async () => {
  expect(await packageFiles()).toEqual(packageBefore);
});
