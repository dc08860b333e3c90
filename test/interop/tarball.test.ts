import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runTool, temporaryDirectory } from './dcmtk.ts';

const root = resolve(import.meta.dirname, '../..');
let dir: string;
let remove: () => Promise<void>;
let tarball: string;

beforeAll(async () => {
  ({ dir, remove } = await temporaryDirectory());
  const packed = await runTool('npm', ['pack', '--pack-destination', dir], { cwd: root, timeoutMs: 300_000 });
  expect(packed.exitCode, packed.stderr).toBe(0);
  [tarball = ''] = (await readdir(dir)).filter((name) => name.endsWith('.tgz'));
}, 300_000);
afterAll(() => remove());

/** `npx ./odontoid-*.tgz ...` of somebody who has nothing of ours: npm keeps what it installs in a cache of this test. */
async function npx(cwd: string, path: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool('npx', ['--yes', path, ...args], {
    cwd,
    env: { npm_config_cache: join(dir, 'npm-cache'), npm_config_loglevel: 'error' },
    timeoutMs: 280_000,
  });
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

test('the tarball runs the demo in an empty folder, and analyses a study from another one', async () => {
  const demo = JSON.parse(await npx(dir, `./${tarball}`, 'demo', '--once', '--json', '--port', '0')) as {
    worklist: unknown[];
    problems: string[];
  };
  expect([demo.worklist.length, demo.problems]).toEqual([6, []]);

  await mkdir(join(dir, 'elsewhere'));
  const phantom = [
    'phantom',
    '--out',
    'study',
    '--seed',
    '4711',
    '--fracture',
    'burst@C5',
    '--slices',
    '48',
    '--rows',
    '256',
    '--count',
    '1',
  ];
  // As installed: what npx has made of the tarball.
  const [installation = ''] = await readdir(join(dir, 'npm-cache/_npx'));
  const odontoid = join(dir, 'npm-cache/_npx', installation, 'node_modules/.bin/odontoid');
  const installed = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runTool(odontoid, args, {
      cwd: join(dir, 'elsewhere'),
      timeoutMs: 280_000,
    });
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  await installed(...phantom);
  const analysis = JSON.parse(await installed('analyse', 'study', '--json')) as unknown;
  expect(analysis).toMatchObject({ decision: 'suspected', slices: { length: 48 } });
});

test('nothing that npm would run comes with the network’s runtime, and no folder of a checkout but those meant to', async () => {
  await runTool('tar', ['-xzf', join(dir, tarball), '-C', dir]);
  const runtime = await readFile(join(dir, 'package/node_modules/onnxruntime-node/package.json'), 'utf8');
  expect(JSON.parse(runtime)).not.toHaveProperty('scripts');
  expect((await readdir(join(dir, 'package'))).sort()).toEqual([
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'THIRD-PARTY-NOTICES.txt',
    'bin',
    'config',
    'dist',
    'docs',
    'models',
    'node_modules',
    'package.json',
    'sbom.cdx.json',
  ]);
  expect(await readdir(join(dir, 'package/dist/src/preprocess/kernel'))).toEqual(['sliceKernel.wasm']);
});

test('the bill names what npm installed with it, and what the page is bundled from, each with its licence', async () => {
  const [installation = ''] = await readdir(join(dir, 'npm-cache/_npx'));
  const lock = join(dir, 'npm-cache/_npx', installation, 'node_modules/.package-lock.json');
  const { packages } = JSON.parse(await readFile(lock, 'utf8')) as { packages: Record<string, { version: string }> };
  const installed = Object.keys(packages).map((path) => path.split('node_modules/').at(-1)!);
  expect(installed.length).toBeGreaterThan(100);
  const { components } = JSON.parse(await readFile(join(dir, 'package/sbom.cdx.json'), 'utf8')) as {
    components: { name: string; version: string; hashes: { content: string }[] }[];
  };
  const named = new Set(components.map(({ name }) => name));
  expect([...installed, 'preact', 'uplot'].filter((name) => name !== 'odontoid' && !named.has(name))).toEqual([]);
  expect(components.every(({ hashes }) => /^[0-9a-f]{128}$/.test(hashes[0]!.content))).toBe(true);

  const notices = await readFile(join(dir, 'package/THIRD-PARTY-NOTICES.txt'), 'utf8');
  const missing = components.filter(({ name, version }) => !notices.includes(`\n${name}@${version}\nLicence: `));
  expect(missing).toEqual([]);
  expect(notices).toContain('Copyright (c) 2015-present Jason Miller');
});
