import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';

test('npm run soak tries the promise that it is asked for, and refuses one that there is not', async () => {
  const soak = (...options: string[]) =>
    promisify(execFile)('npm', ['run', '--silent', 'soak', '--', ...options], { cwd: packageRoot });
  const { stdout } = await soak('--promise', '12', '--seed', '7');
  expect(stdout).toContain('test/unit/web/roles.test.ts: SOAK_SEED=7');
  expect(stdout).toMatch(/Tests .*[1-9]\d* passed/);
  await expect(soak('--promise', '17')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--promise takes 1 to 16: docs/promises.md'),
  });
});
