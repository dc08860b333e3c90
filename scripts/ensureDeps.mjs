// Installs the npm packages when package-lock.json or Node's ABI is not the one that node_modules was made for. Built-ins only: it runs first.
import { createHash } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { objectionToNode } from '../bin/nodeVersion.js';

const objection = objectionToNode(process.versions.node);
if (objection !== null) {
  console.error(objection);
  process.exit(2);
}
const root = resolve(import.meta.dirname, '..');
const stamp = resolve(root, 'node_modules/.odontoid-stamp');
const wanted = createHash('sha256')
  .update(readFileSync(resolve(root, 'package-lock.json')))
  .update(process.versions.modules)
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing npm packages (about 3 minutes where better-sqlite3 has to be compiled) ...');
  // Standard output is kept free: `npm run demo -- --json` prints one document there.
  const result = spawnSync('npm', ['ci', '--no-fund', '--no-audit'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error(
      'npm ci failed. Compiling better-sqlite3 needs python3, make and a C++ compiler: apt-get install python3 make g++',
    );
    process.exit(1);
  }
  try {
    execFileSync(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:').close()"], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
  } catch {
    console.error('better-sqlite3 is installed but does not load with this Node; run: npm rebuild better-sqlite3');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
