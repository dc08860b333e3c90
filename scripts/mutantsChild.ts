// The child of mutants.ts: holds one Vitest open, so that a fault costs the time of its tests and not of a start.
// Lines of JSON: write this text of the module, and say whether these tests pass with it. Answers true or false, after a first line once it is ready.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createVitest, type TestSpecification } from 'vitest/node';

/** What the parent asks: do these tests pass with this text of the module? */
export interface MutantQuestion {
  tests: string[];
  file: string;
  text: string;
}

const vitest = await createVitest(
  { root: process.cwd(), project: 'unit', watch: false, maxWorkers: 1, isolate: true, bail: 1, reporters: [{}] },
  { server: { watch: null } },
);
const specifications = new Map<string, TestSpecification[]>();

async function passes({ tests, file, text }: MutantQuestion): Promise<boolean> {
  writeFileSync(file, text);
  vitest.invalidateFile(file);
  const key = tests.join(' ');
  if (!specifications.has(key)) specifications.set(key, await vitest.globTestSpecifications(tests));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications.get(key)!);
  return unhandledErrors.length === 0 && testModules.length > 0 && testModules.every((module) => module.ok());
}

process.stdout.write('ready\n');
// Not by the channel of a fork: with one, Vitest's runs never end.
for await (const line of createInterface({ input: process.stdin })) {
  let passed = false;
  try {
    passed = await passes(JSON.parse(line) as MutantQuestion);
  } catch {
    // A fault that keeps the tests from being read.
  }
  process.stdout.write(`${JSON.stringify(passed)}\n`);
}
process.exit(0);
