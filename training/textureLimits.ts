/**
 * The limits of a package's texture (`domain.texture`), and what they refuse: measured on phantoms of a profile, unchanged and changed as robustness.ts changes scans.
 *
 *   npx tsx training/textureLimits.ts --out DIR [--profile compact] [--seed 31] [--fit 160] [--judge 64] [--rows 256] [--only blur] [--workers 2]
 *
 * The limits come from the first phantoms, by the rule of training; the others, which took no part in them, are judged. Of each phantom three runs of eight neighbouring slices are
 * drawn. A phantom that DIR has already is kept, so a killed run continues where it stopped.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import type { Texture } from '../src/case/case.ts';
import { drawPhantomParams, type PhantomOptions } from '../src/phantom/phantomParams.ts';
import { renderSlice } from '../src/phantom/renderSlice.ts';
import { composeScene } from '../src/phantom/scene.ts';
import { measureTexture, textureOf, type TextureRange, type ScanTexture } from '../src/preprocess/texture.ts';
import { inputOf, profilePath } from './caseTensors.ts';
import { planSplit, type CohortRecipe, type Split } from './cohortPlan.ts';
import { isWorker, serveJobs, spreadJobs } from './exportWorkers.ts';
import { PERTURBATIONS, type Scan } from './perturbations.ts';

const RUNS = 3;
const RUN_SLICES = 8;
/** Between two runs: no slice of one is compared with one of the other. */
const GAP: readonly Texture[] = Array.from({ length: RUN_SLICES }, () => ({ changeInPlane: null, detail: '' }));
/** As figures.py divides scans. */
const THIN_MM = 1.5;
const KEYS = ['changeInPlane', 'changeAlong'] as const;

interface Job {
  readonly path: string;
  readonly seed: number;
  readonly wish: PhantomOptions;
  /** Names of the changes to measure. */
  readonly changes: readonly string[];
}

/** What a job writes. */
interface Measured {
  readonly sliceSpacingMm: number;
  /** By the name of the change. */
  readonly textures: Readonly<Record<string, ScanTexture>>;
}

function measurePhantom({ path, seed, wish, changes }: Job): Promise<void> {
  const { runs, sliceSpacingMm } = phantomRuns(seed, wish);
  const textures: Record<string, ScanTexture> = {};
  for (const change of PERTURBATIONS.filter(({ name }) => changes.includes(name))) {
    const { name } = change;
    const random = seededRandom('texture', seed, name);
    textures[name] = textureOf(
      runs.flatMap((run) => [
        ...change.apply(run, random).map((hu) => measureTexture(hu.map(Math.round), run.rows, run.columns)),
        ...GAP,
      ]),
    );
  }
  writeFileSync(`${path}.tmp`, JSON.stringify({ sliceSpacingMm, textures } satisfies Measured));
  renameSync(`${path}.tmp`, path);
  return Promise.resolve();
}

/** Runs of neighbouring slices, evenly spread over the scan. */
function phantomRuns(seed: number, wish: PhantomOptions): { runs: Scan[]; sliceSpacingMm: number } {
  const params = drawPhantomParams(seed, wish);
  const { rows, columns, slices, sliceSpacingMm } = params;
  const scene = composeScene(params);
  const hu = new Int16Array(rows * columns);
  const mask = new Uint8Array(rows * columns);
  const runs = Array.from({ length: RUNS }, (_, run) => {
    const first = Math.round(((run + 0.5) * slices) / RUNS - RUN_SLICES / 2);
    const drawn = Array.from({ length: RUN_SLICES }, (_, index) => {
      renderSlice(scene, first + index, hu, mask);
      return Float32Array.from(hu);
    });
    return { slices: drawn, rows, columns };
  });
  return { runs, sliceSpacingMm };
}

/** As odontoid_training/run.py sets them: from the least value to the greatest, and beyond by the domain's factor on either side, within a slice by half of its way. */
function limitsOf(textures: readonly ScanTexture[], factor: number): TextureRange {
  const range = (key: keyof ScanTexture, margin: number): TextureRange['changeAlong'] => {
    const known = textures.flatMap((texture) => texture[key] ?? []);
    return { low: round(Math.min(...known) / margin), high: round(Math.max(...known) * margin) };
  };
  return { changeInPlane: range('changeInPlane', Math.sqrt(factor)), changeAlong: range('changeAlong', factor) };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

function table(judged: readonly Measured[], limits: TextureRange, changes: readonly string[]): string[] {
  const isOutside = (key: keyof ScanTexture, texture: ScanTexture): boolean => {
    const value = texture[key];
    return value !== null && (value < limits[key].low || value > limits[key].high);
  };
  return [
    '| change | in plane: least, median, most | along: least, median, most | refused for the first | for the second | refused |',
    '| --- | --- | --- | --- | --- | --- |',
    ...changes.map((name) => {
      const all = judged.map(({ textures }) => textures[name]!);
      const spread = (key: keyof ScanTexture): string => {
        const sorted = all.flatMap((texture) => texture[key] ?? []).sort((a, b) => a - b);
        return [0, sorted.length >> 1, sorted.length - 1].map((at) => sorted[at]?.toFixed(3) ?? '-').join(', ');
      };
      const refused = (keys: readonly (keyof ScanTexture)[]): string =>
        `${all.filter((texture) => keys.some((key) => isOutside(key, texture))).length}/${all.length}`;
      return `| ${name} | ${spread('changeInPlane')} | ${spread('changeAlong')} | ${refused(['changeInPlane'])} | ${refused(['changeAlong'])} | ${refused(KEYS)} |`;
    }),
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      profile: { type: 'string', default: 'compact' },
      seed: { type: 'string', default: '31' },
      fit: { type: 'string', default: '160' },
      judge: { type: 'string', default: '64' },
      rows: { type: 'string' },
      only: { type: 'string', multiple: true },
      workers: { type: 'string', default: String(availableParallelism()) },
    },
  });
  if (values.out === undefined) throw new Error('--out DIR says where the measurements go');
  const out = values.out;
  mkdirSync(out, { recursive: true });
  const { profile } = inputOf(profilePath(values.profile));
  const recipe = profile['cohort'] as CohortRecipe;
  const cohort = values.rows === undefined ? recipe : { ...recipe, rows: Number(values.rows) };
  const { limitFactor } = profile['domain'] as { limitFactor: number };
  const changes = PERTURBATIONS.map(({ name }) => name).filter(
    (name) => name === 'none' || (values.only?.some((text) => name.includes(text)) ?? true),
  );
  const jobsOf = (split: Split, count: string, names: readonly string[]): Job[] =>
    planSplit(split, Number(count), Number(values.seed), cohort).map(({ id, seed, wish }) => ({
      path: join(out, `${id}.json`),
      seed,
      wish,
      changes: names,
    }));
  const fit = jobsOf('validation', values.fit, ['none']);
  const judge = jobsOf('test', values.judge, changes);
  const waiting = [...fit, ...judge].filter(({ path }) => !existsSync(path));
  await spreadJobs(fileURLToPath(import.meta.url), waiting, {
    workers: Number(values.workers),
    done: fit.length + judge.length - waiting.length,
    what: 'phantoms',
  });
  const read = ({ path }: Job): Measured => JSON.parse(readFileSync(path, 'utf8')) as Measured;
  const limits = limitsOf(
    fit.map((job) => read(job).textures['none']!),
    limitFactor,
  );
  const judged = judge.map(read);
  const isThin = ({ sliceSpacingMm }: Measured): boolean => sliceSpacingMm <= THIN_MM;
  const lines = [
    JSON.stringify(limits),
    ...['', `Slices at most ${THIN_MM} mm apart:`, ''],
    ...table(judged.filter(isThin), limits, changes),
    ...['', 'Others:', ''],
    ...table(
      judged.filter((one) => !isThin(one)),
      limits,
      changes,
    ),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

if (isWorker) serveJobs(measurePhantom);
else await main();
