// Plants small faults in a module, one at a time, and names those that the module's own tests do not detect.
// `npm run mutants -- src/infer/inferSeries.ts` runs one module; without a name it runs every module in test/mutants.json. A module whose code and tests
// have not changed since its last run is skipped; `--most N` draws N faults of a module, the same ones each time.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import { mutantsOf, type Mutant } from './mutantsOf.ts';

const ROOT = resolve(import.meta.dirname, '..');
const RECORD = join(ROOT, 'test/mutants.json');
/** Faults are planted in a copy, so the working tree is never broken. */
const COPY = join(ROOT, '.cache/mutants');

interface ModuleRecord {
  /** Digest of the module and its tests; when it changes, the module is run again. */
  digest: string;
  tests: string;
  planted: number;
  seen: number;
  /** `line: before -> after`; `why`, written by hand, where the fault has no observable effect. */
  survivors: { fault: string; why?: string }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { most: { type: 'string', default: '60' } },
});
const record = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, 'utf8')) as Record<string, ModuleRecord>) : {};

/** The tests that the record names; else the test file that mirrors the module, or all tests of its room. */
function testsOf(module: string): string {
  const chosen = record[module]?.tests;
  if (chosen !== undefined) return chosen;
  const mirror = module.replace('src/', 'test/unit/').replace(/\.ts$/, '.test.ts');
  return existsSync(join(ROOT, mirror)) ? mirror : `${dirname(mirror)}/`;
}

function digestOf(module: string, tests: string): string {
  const files = tests.endsWith('/') ? readdirSync(join(ROOT, tests)).map((name) => join(tests, name)) : [tests];
  const hash = createHash('sha256');
  for (const file of [module, ...files.filter((name) => name.endsWith('.ts')).sort()])
    hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex').slice(0, 16);
}

function copyTree(): void {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  for (const name of [
    'src',
    'test',
    'migrations',
    'scripts',
    'training',
    'models',
    'config',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
  ])
    cpSync(join(ROOT, name), join(COPY, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'));
}

/** Whether the tests pass; a fault that makes them run forever counts as detected. */
function passes(tests: string): boolean {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'unit', '--bail', '1', tests], {
    cwd: COPY,
    stdio: 'ignore',
    timeout: 120_000,
  });
  return status === 0;
}

function drawn(mutants: readonly Mutant[], module: string): Mutant[] {
  const random = seededRandom('mutants', module);
  return mutants
    .map((mutant) => ({ mutant, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .slice(0, Number(values.most))
    .map(({ mutant }) => mutant)
    .sort((a, b) => a.start - b.start);
}

function runModule(module: string): void {
  const tests = testsOf(module);
  const digest = digestOf(module, tests);
  if (record[module]?.digest === digest) return;
  const source = readFileSync(join(ROOT, module), 'utf8');
  if (!passes(tests)) throw new Error(`${tests} fails without a fault.`);
  const mutants = drawn(mutantsOf(source), module);
  const known = new Map(record[module]?.survivors.map(({ fault, why }) => [fault, why]));
  const survivors: ModuleRecord['survivors'] = [];
  for (const { start, end, text, fault } of mutants) {
    writeFileSync(join(COPY, module), source.slice(0, start) + text + source.slice(end));
    if (!passes(tests)) continue;
    const why = known.get(fault);
    survivors.push(why === undefined ? { fault } : { fault, why });
    console.log(`${module}:${fault}`);
  }
  writeFileSync(join(COPY, module), source);
  record[module] = { digest, tests, planted: mutants.length, seen: mutants.length - survivors.length, survivors };
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`${module}: ${mutants.length} faults, ${survivors.length} not seen`);
}

copyTree();
const modules = positionals.length > 0 ? positionals.map((path) => relative(ROOT, resolve(path))) : Object.keys(record);
for (const module of modules) runModule(module);
const unexplained = modules.flatMap((module) => record[module]!.survivors.filter(({ why }) => why === undefined));
console.log(`${unexplained.length} faults are neither seen nor explained`);
process.exitCode = unexplained.length > 0 ? 1 : 0;
