// Compiles src/ and migrations/ to dist/, the preprocessing kernel to WebAssembly, and bundles the page. Skips what is newer than its sources.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readdirSync } from 'node:fs';
import buildKernel, { kernelPath } from './buildKernel.mjs';

const root = resolve(import.meta.dirname, '..');
await buildKernel();
const stamp = resolve(root, 'dist/.stamp');
const hash = createHash('sha256');
for (const folder of ['src', 'migrations']) {
  for (const name of readdirSync(resolve(root, folder), { recursive: true }).map(String).sort()) {
    if (/\.(ts|tsx|css|html|svg)$/.test(name)) hash.update(name).update(readFileSync(resolve(root, folder, name)));
  }
}
for (const name of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'])
  hash.update(readFileSync(resolve(root, name)));
const wanted = hash.digest('hex');
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) process.exit(0);

console.error('Building ...');
rmSync(resolve(root, 'dist'), { recursive: true, force: true });
run(['node_modules/@typescript/native/bin/tsc', '-p', 'tsconfig.build.json']);
if (existsSync(resolve(root, 'src/page/vite.config.mjs')))
  run(['node_modules/vite/bin/vite.js', 'build', '--config', 'src/page/vite.config.mjs', '--logLevel', 'warn']);
const shippedKernel = kernelPath.replace(resolve(root, 'src'), resolve(root, 'dist/src'));
mkdirSync(dirname(shippedKernel), { recursive: true });
copyFileSync(kernelPath, shippedKernel);
writeFileSync(stamp, wanted);

function run(args) {
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    console.error(`The build failed at: node ${args.join(' ')}`);
    process.exit(1);
  }
}
