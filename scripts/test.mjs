// Runs every test project, two files at a time, and ends with one plain line of totals.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'odontoid-test-'));
const report = join(folder, 'report.json');
const result = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
let failed = true;
try {
  const totals = JSON.parse(readFileSync(report, 'utf8'));
  failed = totals.success !== true || totals.numPassedTests === 0;
  console.log(
    `${totals.numPassedTests} passed, ${totals.numFailedTests} failed, ${totals.numPendingTests + totals.numTodoTests} skipped`,
  );
} catch {
  console.error('The tests ended without a report.');
}
rmSync(folder, { recursive: true, force: true });
process.exit(result.status === 0 && !failed ? 0 : 1);
