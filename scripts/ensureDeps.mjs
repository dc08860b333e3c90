// Installs the npm packages when node_modules was made from another package-lock.json. Uses built-in modules only, because it runs first.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const stamp = resolve(root, 'node_modules/.odontoid-stamp');
const wanted = createHash('sha256')
  .update(readFileSync(resolve(root, 'package-lock.json')))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing npm packages ...');
  // No package needs its install script: binaries come inside the packages, and that of onnxruntime-node downloads what only GPU sites need (docs/gpu.md).
  // Standard output is kept free: `npm run demo -- --json` prints one document there.
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed: npm says why above. Is the npm registry reachable (npm ping)?');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
