// testReal.mjs DIR: runs test/real on a folder of real DICOM files. Nothing of it is copied into the repository.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
  console.error('Usage: npm run test:real -- DIR   (DIR: a folder of DICOM files)');
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'real', ...rest],
  {
    cwd: resolve(import.meta.dirname, '..'),
    stdio: 'inherit',
    env: { ...process.env, ODONTOID_REAL_DATA: resolve(folder) },
  },
);
process.exit(status ?? 1);
