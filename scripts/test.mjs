// Runs every test project, two files at a time, and ends with the names of what failed and one plain line of totals.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

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

/** The failed tests of a report of vitest, a line each; a file that could not run has no tests of its own. */
function failures(testResults) {
  return testResults.flatMap((file) => {
    const path = relative(root, file.name);
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    if (file.status === 'failed' && tests.length === 0) return [path];
    return tests.map(({ fullName }) => `${path} > ${fullName}`);
  });
}

let failed = true;
try {
  const totals = JSON.parse(readFileSync(report, 'utf8'));
  failed = totals.success !== true || totals.numPassedTests === 0;
  for (const name of failures(totals.testResults)) console.log(`FAILED ${name}`);
  console.log(
    `${totals.numPassedTests} passed, ${totals.numFailedTests} failed, ${totals.numPendingTests + totals.numTodoTests} skipped`,
  );
} catch {
  console.error('The tests ended without a report.');
}
rmSync(folder, { recursive: true, force: true });
process.exit(result.status === 0 && !failed ? 0 : 1);
