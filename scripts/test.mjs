// Runs every test project, two files at a time, and ends with the names of what failed, or passed at a second try only, and one plain line of totals.
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
  // Hundreds of processes are started from source: a quarter of each start is compiling the same modules.
  { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') } },
);

/** What failed in a report of vitest, or passed at a second try, a line each; a file that could not run has no tests of its own. */
function* faults(testResults) {
  for (const { name, status, assertionResults } of testResults) {
    const path = relative(root, name);
    if (status === 'failed' && assertionResults.every((test) => test.status !== 'failed')) yield `FAILED ${path}`;
    for (const test of assertionResults) {
      if (test.status === 'failed') yield `FAILED ${path} > ${test.fullName}`;
      else if (test.failureMessages.length > 0)
        yield `SECOND TRY ${path} > ${test.fullName}: ${test.failureMessages[0].split('\n', 1)[0]}`;
    }
  }
}

let failed = true;
try {
  const totals = JSON.parse(readFileSync(report, 'utf8'));
  failed = totals.success !== true || totals.numPassedTests === 0;
  for (const fault of faults(totals.testResults)) console.log(fault);
  console.log(
    `${totals.numPassedTests} passed, ${totals.numFailedTests} failed, ${totals.numPendingTests + totals.numTodoTests} skipped`,
  );
} catch {
  console.error('The tests ended without a report.');
}
rmSync(folder, { recursive: true, force: true });
process.exit(result.status === 0 && !failed ? 0 : 1);
