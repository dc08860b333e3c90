import { defineConfig } from 'vitest/config';

// Tests that load ONNX Runtime themselves report nothing either (src/infer/inferenceFork.ts).
process.env['ORT_DISABLE_TELEMETRY'] = '1';

/** These start the agent, or show its page: the built ones. */
const BUILT = { globalSetup: ['test/built.ts'] };
/** One thread and its modules for many files: starting a process for each costs more than most of these tests. */
const SHARED = { pool: 'threads' as const, isolate: false };

export default defineConfig({
  test: {
    // A machine that was too busy once is asked again; a counterexample of a property stands. `scripts/test.mjs` names what needed a second try:
    // a fault to mend, but of 13,000 tests no single one that waited too long may refuse a change.
    retry: { count: 1, condition: /^(?!Property failed)/ },
    // What runs from the sources needs the compiled kernel.
    globalSetup: ['scripts/buildKernel.mjs'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // A condition is waited for, however slow the machine; a test that fails is late, not flaky.
    expect: { poll: { timeout: 60_000 } },
    // Two files at once, of whatever project: the tests of real servers and browsers mostly wait, and CI has two cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { ...SHARED, name: 'unit', include: ['test/unit/**/*.test.ts'], setupFiles: ['test/propertyRuns.ts'] },
      },
      // The tests of the worklist once more, on PostgreSQL: what they say of one engine holds for the other.
      {
        extends: true,
        test: {
          ...SHARED,
          name: 'postgres',
          include: [
            'test/unit/worklist/{audit,cases,list,models,nodes,people,thresholds,traces}/**/*.test.ts',
            'test/postgres/**/*.test.ts',
          ],
          globalSetup: ['test/postgres/setUp.ts'],
        },
      },
      // Skipped without a folder of real data: npm run test:real -- DIR
      { extends: true, test: { name: 'real', include: ['test/real/**/*.test.ts'] } },
      {
        extends: true,
        test: { ...BUILT, name: 'pipeline', include: ['test/pipeline/**/*.test.ts'], testTimeout: 180_000 },
      },
      {
        extends: true,
        test: {
          ...BUILT,
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          ...BUILT,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
