// The child of mutants.ts: holds one Vitest open, so that a fault costs the time of its tests and not of a start.
// Lines of JSON: {tests} names the test files, {file, text} writes a module and asks whether the tests pass with it. Answers true or false.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createVitest, type TestSpecification } from 'vitest/node';

/** What the parent asks: first the tests, then one version of the module after the other. */
export type MutantQuestion = { tests: string[] } | { file: string; text: string };

const vitest = await createVitest(
  { root: process.cwd(), project: 'unit', watch: false, maxWorkers: 1, bail: 1, reporters: [{}] },
  { server: { watch: null } },
);
let specifications: TestSpecification[] = [];

async function passes(): Promise<boolean> {
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  return unhandledErrors.length === 0 && testModules.every((module) => module.ok());
}

// Not by the channel of a fork: with one, Vitest's runs never end.
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as MutantQuestion;
  let passed = false;
  try {
    if ('tests' in question) specifications = await vitest.globTestSpecifications(question.tests);
    else {
      writeFileSync(question.file, question.text);
      vitest.invalidateFile(question.file);
    }
    passed = specifications.length > 0 && (await passes());
  } catch {
    // A fault that keeps the tests from being read.
  }
  process.stdout.write(`${JSON.stringify(passed)}\n`);
}
process.exit(0);
