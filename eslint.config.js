import tseslint from 'typescript-eslint';

const timeAndChance =
  'Time and chance come from a port (src/base/clock.ts, src/dicom/uids.ts), so that tests can steer them.';

/** Functions of these files are longer than allowed. The list may only shrink. */
const LONG_FUNCTIONS = ['migrations/0001_initial.ts'];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'coverage/**',
      'src/page/dist/**',
      // AssemblyScript: its compiler checks it.
      'src/preprocess/kernel/**',
      '**/*.js',
      '**/*.mjs',
      '**/*.cjs',
      'training/**/*.py',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Typed arrays are indexed in tight loops; the bound is the loop's.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx', 'migrations/**/*.ts'],
    ignores: ['src/base/clock.ts', 'src/page/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({
          name,
          message: timeAndChance,
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: timeAndChance },
        { object: 'Math', property: 'random', message: timeAndChance },
        { object: 'globalThis', property: 'setTimeout', message: timeAndChance },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: ':matches(NewExpression,CallExpression)[callee.name="Date"][arguments.length=0]',
          message: timeAndChance,
        },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: ['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({
            name,
            message: timeAndChance,
          })),
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx', 'scripts/**/*.ts', 'training/**/*.ts', 'migrations/**/*.ts'],
    ignores: LONG_FUNCTIONS,
    rules: { 'max-lines-per-function': ['error', { max: 120, skipComments: true, skipBlankLines: true }] },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
);
