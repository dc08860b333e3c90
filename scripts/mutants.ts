// Plants small faults in a module, one at a time, and names those that the module's tests do not detect.
// `npm run mutants -- src/infer/inferSeries.ts src/case` runs the modules of files and folders; without a name it runs every module whose errors
// hurt (hurtingModules.ts). A module that has not changed since its last run, nor its tests, is skipped. `--most N` draws N faults of a module, the same
// ones each time; `--minutes N` begins no module after N minutes; `--quick S` leaves out test files that take longer than S seconds; `--near` all but those
// that import the module themselves, where there are such; `--again` plants, in a module that is as it was, only the faults that nothing saw and nobody explained.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import type { MutantQuestion } from './mutantsChild.ts';
import { HURTING_MODULES } from './hurtingModules.ts';
import { mutantsOf, type Mutant } from './mutantsOf.ts';

const ROOT = resolve(import.meta.dirname, '..');
const RECORD = join(ROOT, 'test/mutants.json');
/** Faults are planted in a copy, so the working tree is never broken; each run has its own. */
const COPY = join(ROOT, `.cache/mutants-${process.pid}`);
/** A fault with which the tests run for longer counts as detected. */
const LONGEST_MS = 120_000;

interface ModuleRecord {
  /** Digest of the module and its tests; when it changes, the module is run again. */
  digest: string;
  planted: number;
  seen: number;
  /** `line: before -> after`; `why`, written by hand, where the fault has no observable effect. */
  survivors: { fault: string; why?: string }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    most: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '10000' },
    quick: { type: 'string', default: '120' },
    near: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
  },
});
const testFiles = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `test/${name}`);
const unitTests = testFiles.filter((path) => path.startsWith('test/unit/') && path.endsWith('.test.ts'));
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => `src/${name}`);

/** What each source and test imports, as paths from the root. */
const importsOf = new Map(
  [...sources, ...testFiles].map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const names = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, name]) => join(dirname(path), name!));
    return [path, new Set(names)] as const;
  }),
);

/** The record as it is on disk now (another run may have written to it), without modules that are gone. */
function readRecord(): Record<string, ModuleRecord> {
  const all = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, 'utf8')) as Record<string, ModuleRecord>) : {};
  return Object.fromEntries(Object.entries(all).filter(([module]) => existsSync(join(ROOT, module))));
}

/** Everything that these modules and tests import, directly or through others. */
function reachedFrom(path: string, reached = new Set<string>()): Set<string> {
  for (const next of importsOf.get(path) ?? [])
    if (!reached.has(next)) {
      reached.add(next);
      reachedFrom(next, reached);
    }
  return reached;
}

/** The folder of tests that mirrors the module's, or the nearest one above it. */
function mirroredFolder(module: string): string {
  let folder = dirname(module).replace(/^src/, 'test/unit');
  while (!existsSync(join(ROOT, folder))) folder = dirname(folder);
  return folder;
}

/** The unit tests that a fault in the module meets: those that import it, and of its room those that reach it through other modules or fixtures. */
function testsOf(module: string): string[] {
  const near = unitTests.filter((path) => importsOf.get(path)!.has(module));
  if (values.near && near.length > 0) return near;
  const room = `${mirroredFolder(module)}/`;
  return unitTests.filter((path) => near.includes(path) || (path.startsWith(room) && reachedFrom(path).has(module)));
}

/** Of the copy: what is edited while the faults are planted has not been run. */
function digestOf(module: string, tests: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of [module, ...[...tests].sort()]) hash.update(readFileSync(join(COPY, file)));
  return hash.digest('hex').slice(0, 16);
}

function copyTree(): void {
  // With its time it needs not be compiled again in the copy, where the hooks of the child make that take minutes.
  execFileSync(process.execPath, [join(ROOT, 'scripts/buildKernel.mjs')]);
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  const names = ['src', 'test', 'migrations', 'scripts', 'training', 'models', 'config', 'docs', 'bin'];
  for (const name of [...names, 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(ROOT, name), join(COPY, name), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'));
}

/** A Vitest in a process group of its own: one that a fault has sent into an endless loop is ended with its workers. */
class Tests {
  private child: ChildProcess | null = null;
  private answers: Interface | null = null;

  /** Whether the tests pass with this text of the module; null when they had to be ended. */
  async pass(tests: readonly string[], file: string, text: string, limitMs = LONGEST_MS): Promise<boolean | null> {
    this.child ??= await this.start();
    return this.ask({ tests: [...tests], file, text }, limitMs);
  }

  end(): void {
    const child = this.child;
    this.child = null;
    try {
      if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }

  private async start(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/mutantsChild.ts')], {
      cwd: COPY,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    this.answers = createInterface({ input: child.stdout });
    await once(this.answers, 'line');
    return child;
  }

  private async ask(question: MutantQuestion, limitMs: number): Promise<boolean | null> {
    const { child, answers } = this;
    const answer = await new Promise<boolean | null>((done) => {
      const late = setTimeout(done, limitMs, null);
      answers!.once('line', (line) => {
        clearTimeout(late);
        done(line === 'true');
      });
      child!.once('exit', () => done(null));
      child!.stdin!.write(`${JSON.stringify(question)}\n`);
    });
    answers!.removeAllListeners('line');
    child!.removeAllListeners('exit');
    if (answer === null) this.end();
    return answer;
  }
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

/** Whether these are the faults of the last run, at the same places: another text of the module has others. */
function isSameDraw(last: ModuleRecord | undefined, mutants: readonly Mutant[]): last is ModuleRecord {
  return (
    last?.planted === mutants.length && last.survivors.every(({ fault }) => mutants.some((one) => one.fault === fault))
  );
}

/** A fault without its line, which moves with every edit above it. */
const unplaced = (fault: string): string => fault.replace(/^\d+: /, '');

/** Seconds that each test file takes without a fault; null for one that fails, or is not quick. Measured once in a run of this command. */
const secondsOf = new Map<string, number | null>();

/** Those of the tests that pass without a fault and are quick, the quickest first: most faults are seen by one of the first. */
async function quickestFirst(vitest: Tests, tests: readonly string[], file: string, source: string): Promise<string[]> {
  const unknown = tests.filter((test) => !secondsOf.has(test));
  // The first run pays for reading the sources.
  if (unknown.length > 0) await vitest.pass([unknown[0]!], file, source);
  for (const test of unknown) {
    const startedMs = performance.now();
    const passes = await vitest.pass([test], file, source, Number(values.quick) * 1_000);
    secondsOf.set(test, passes === true ? (performance.now() - startedMs) / 1_000 : null);
    if (passes !== true)
      console.log(`${test} ${passes === null ? 'is not quick' : 'fails without a fault'}, and is left out`);
  }
  return tests
    .filter((test) => typeof secondsOf.get(test) === 'number')
    .sort((a, b) => secondsOf.get(a)! - secondsOf.get(b)!);
}

async function runModule(module: string): Promise<void> {
  const tests = testsOf(module);
  const digest = digestOf(module, tests);
  const last = readRecord()[module];
  if (last?.digest === digest) return;
  const source = readFileSync(join(COPY, module), 'utf8');
  const mutants = drawn(mutantsOf(source), module);
  if (mutants.length === 0) return;
  const file = join(COPY, module);
  const vitest = new Tests();
  const inOrder = await quickestFirst(vitest, tests, file, source);
  if (inOrder.length === 0 && tests.length > 0) {
    vitest.end();
    console.log(`${module}: none of its ${tests.length} test files is left, and it is not run`);
    return;
  }
  const isSeen = async (faulty: string): Promise<boolean> => {
    for (const test of inOrder) if ((await vitest.pass([test], file, faulty)) !== true) return true;
    return false;
  };
  const known = new Map(last?.survivors.map(({ fault, why }) => [unplaced(fault), why]));
  const survivors: ModuleRecord['survivors'] = [];
  const before = values.again && isSameDraw(last, mutants) ? last.survivors.map(({ fault }) => fault) : null;
  for (const { start, end, text, fault } of mutants) {
    if (before?.includes(fault) === false) continue;
    const why = known.get(unplaced(fault));
    const isExplained = before !== null && why !== undefined;
    if (!isExplained && (await isSeen(source.slice(0, start) + text + source.slice(end)))) continue;
    survivors.push(why === undefined ? { fault } : { fault, why });
    if (!isExplained) console.log(`${module}:${fault}`);
  }
  vitest.end();
  writeFileSync(file, source);
  const record = readRecord();
  record[module] = { digest, planted: mutants.length, seen: mutants.length - survivors.length, survivors };
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`${module}: ${mutants.length} faults, ${survivors.length} not seen`);
}

function modulesUnder(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return (
    readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
      // The kernel is compiled before the tests, so that a fault in its source is not in what they run.
      .filter((name) => name.endsWith('.ts') && !/Child\.ts$|\.d\.ts$|^kernel\//.test(name))
      .sort()
      .map((name) => `${path}/${name}`)
  );
}

function summary(name: string, run: readonly ModuleRecord[]): string {
  const planted = run.reduce((sum, one) => sum + one.planted, 0);
  const seen = run.reduce((sum, one) => sum + one.seen, 0);
  const explained = run.flatMap((one) => one.survivors).filter(({ why }) => why !== undefined).length;
  const share = planted > explained ? ((100 * seen) / (planted - explained)).toFixed(1) : '100.0';
  return `${name}: ${run.length} modules, ${planted} faults, ${seen} seen, ${explained} without effect, ${planted - seen - explained} neither (${share} % seen)`;
}

const startedMs = performance.now();
const asked = positionals.length > 0 ? positionals.map((path) => relative(ROOT, resolve(path))) : HURTING_MODULES;
const modules = [...new Set(asked.flatMap(modulesUnder))];
copyTree();
try {
  for (const module of modules)
    if (performance.now() - startedMs < Number(values.minutes) * 60_000) await runModule(module);
} finally {
  rmSync(COPY, { recursive: true, force: true });
}
const record = readRecord();
const run = modules.filter((module) => record[module] !== undefined);
for (const [room, names] of Map.groupBy(run, dirname))
  console.log(
    summary(
      room,
      names.map((name) => record[name]!),
    ),
  );
console.log(`${run.length} of ${modules.length} modules were run`);
if (run.some((module) => record[module]!.survivors.some(({ why }) => why === undefined))) process.exitCode = 1;
