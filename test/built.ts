import { spawnSync } from 'node:child_process';
import { packageRoot } from '../src/base/packageRoot.ts';

/** What these tests start and show is what is shipped: `dist`, built anew where its sources have changed. */
export default function setUp(): void {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: packageRoot, stdio: 'inherit' });
  if (status !== 0) throw new Error('dist could not be built: node scripts/build.mjs says why.');
}
