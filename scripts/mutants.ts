// Plants small faults in a module, one at a time, and names those that the module's tests do not detect.
// `npm run mutants -- src/infer/inferSeries.ts src/case` runs the modules of files and folders; without a name it runs every module whose errors
// hurt (HURTS). A module that has not changed since its last run, nor its tests, is skipped. `--most N` draws N faults of a module, the same ones each
// time; `--minutes N` begins no module after N minutes.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
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
import { mutantsOf, type Mutant } from './mutantsOf.ts';

const ROOT = resolve(import.meta.dirname, '..');
const RECORD = join(ROOT, 'test/mutants.json');
/** Faults are planted in a copy, so the working tree is never broken; each run has its own. */
const COPY = join(ROOT, `.cache/mutants-${process.pid}`);
/** A fault with which the tests run for longer counts as detected. */
const LONGEST_MS = 120_000;

/** Modules in which an error hurts a patient, loses data or lets somebody in. The first are pure and quick. */
const HURTS = [
  'src/case',
  'src/statistics',
  'src/thresholds',
  'src/receive/associationPolicy.ts',
  'src/assemble',
  'src/preprocess',
  'src/infer/inferSeries.ts',
  'src/infer/decodePixels.ts',
  'src/infer/decodeFrame.ts',
  'src/infer/pixelFrames.ts',
  'src/infer/sliceSequenceModel.ts',
  'src/worklist/list',
  'src/worklist/thresholds',
  'src/worklist/audit',
  'src/worklist/people',
  'src/worklist/cases',
  'src/web/access',
  'src/web/readiness.ts',
  'src/receive/spool.ts',
  'src/receive/storeService.ts',
  'src/report',
  'src/deliver',
  'src/housekeeping',
];

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
  options: { most: { type: 'string', default: '60' }, minutes: { type: 'string', default: '10000' } },
});
const unitTests = readdirSync(join(ROOT, 'test/unit'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/unit/${name}`);
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => `src/${name}`);

/** What each source and test imports, as paths from the root. */
const importsOf = new Map(
  [...sources, ...unitTests].map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const names = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, name]) => join(dirname(path), name!));
    return [path, new Set(names)] as const;
  }),
);
const importersOf = (modules: readonly string[], among: readonly string[]): string[] =>
  among.filter((path) => modules.some((module) => importsOf.get(path)!.has(module)));

/** The record as it is on disk now (another run may have written to it), without modules that are gone. */
function readRecord(): Record<string, ModuleRecord> {
  const all = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, 'utf8')) as Record<string, ModuleRecord>) : {};
  return Object.fromEntries(Object.entries(all).filter(([module]) => existsSync(join(ROOT, module))));
}

/**
 * The unit tests that a fault in the module meets: first the nearest (its mirror and those that import it, else those that import a module which
 * imports it, and so on), then, for what these do not see, those of the modules that import it, of its room.
 */
function testsOf(module: string): { near: string[]; wide: string[] } {
  const mirror = module.replace('src/', 'test/unit/').replace(/\.ts$/, '.test.ts');
  const room = mirror.slice(0, mirror.lastIndexOf('/') + 1);
  const others = unitTests.filter((path) => path !== mirror);
  const asked = new Set<string>();
  let near: string[] = [];
  for (let modules = [module]; near.length === 0 && modules.length > 0;) {
    near = [...unitTests.filter((path) => path === mirror), ...importersOf(modules, others)];
    for (const one of modules) asked.add(one);
    modules = importersOf(modules, sources).filter((one) => !asked.has(one));
  }
  const users = importersOf([module], sources);
  const wide = importersOf([...users, ...importersOf(users, sources)], unitTests).filter(
    (path) => path.startsWith(room) && !near.includes(path),
  );
  return { near, wide };
}

function digestOf(module: string, tests: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of [module, ...[...tests].sort()]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex').slice(0, 16);
}

function copyTree(): void {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  const names = ['src', 'test', 'migrations', 'scripts', 'training', 'models', 'config', 'docs', 'bin'];
  for (const name of [...names, 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(ROOT, name), join(COPY, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'));
}

/** A Vitest in a process group of its own: one that a fault has sent into an endless loop is ended with its workers. */
class Tests {
  private child: ChildProcess | null = null;
  private answers: Interface | null = null;

  /** Whether the tests pass with this text of the module; null when they had to be ended. */
  async pass(tests: readonly string[], file: string, text: string): Promise<boolean | null> {
    this.child ??= this.start();
    return this.ask({ tests: [...tests], file, text });
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

  private start(): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/mutantsChild.ts')], {
      cwd: COPY,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    this.answers = createInterface({ input: child.stdout });
    return child;
  }

  private async ask(question: MutantQuestion): Promise<boolean | null> {
    const { child, answers } = this;
    const answer = await new Promise<boolean | null>((done) => {
      const late = setTimeout(done, LONGEST_MS, null);
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

/** A fault without its line, which moves with every edit above it. */
const unplaced = (fault: string): string => fault.replace(/^\d+: /, '');

async function runModule(module: string): Promise<void> {
  const { near, wide } = testsOf(module);
  const digest = digestOf(module, [...near, ...wide]);
  const last = readRecord()[module];
  if (last?.digest === digest) return;
  const source = readFileSync(join(ROOT, module), 'utf8');
  const mutants = drawn(mutantsOf(source), module);
  if (mutants.length === 0) return;
  const file = join(COPY, module);
  const vitest = new Tests();
  for (const tests of [near, wide])
    if (tests.length > 0 && (await vitest.pass(tests, file, source)) !== true) {
      vitest.end();
      console.log(`${module}: its tests (${tests.join(' ')}) fail without a fault`);
      process.exitCode = 1;
      return;
    }
  const known = new Map(last?.survivors.map(({ fault, why }) => [unplaced(fault), why]));
  const survivors: ModuleRecord['survivors'] = [];
  for (const { start, end, text, fault } of mutants) {
    const faulty = source.slice(0, start) + text + source.slice(end);
    if (near.length > 0 && (await vitest.pass(near, file, faulty)) !== true) continue;
    if (wide.length > 0 && (await vitest.pass(wide, file, faulty)) !== true) continue;
    const why = known.get(unplaced(fault));
    survivors.push(why === undefined ? { fault } : { fault, why });
    console.log(`${module}:${fault}`);
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
  return readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('Child.ts'))
    .sort()
    .map((name) => `${path}/${name}`);
}

function summary(name: string, run: readonly ModuleRecord[]): string {
  const planted = run.reduce((sum, one) => sum + one.planted, 0);
  const seen = run.reduce((sum, one) => sum + one.seen, 0);
  const explained = run.flatMap((one) => one.survivors).filter(({ why }) => why !== undefined).length;
  const share = planted > explained ? ((100 * seen) / (planted - explained)).toFixed(1) : '100.0';
  return `${name}: ${run.length} modules, ${planted} faults, ${seen} seen, ${explained} without effect, ${planted - seen - explained} neither (${share} % seen)`;
}

const startedMs = performance.now();
const asked = positionals.length > 0 ? positionals.map((path) => relative(ROOT, resolve(path))) : HURTS;
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
