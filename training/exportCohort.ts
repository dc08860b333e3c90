/**
 * Writes the training cohort: phantoms through the agent's own preprocessing, so that training and inference cannot drift.
 *
 *   npx tsx training/exportCohort.ts --profile compact --seed 1 --out DIR [--workers 2] [--splits train,test]
 *
 * Per case and split: `<id>.npy` uint8 [slice][channel][row][column], `<id>.mask.npy` uint8 [broken slice][row/4][column/4]
 * and, last, `<id>.json` with the labels. A case that is there already, made to the same wish, is kept, so a killed run goes on where it was.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import type { Grade } from '../src/phantom/fractures.ts';
import { FRACTURE_TYPES, FRACTURES, parseFracture } from '../src/phantom/fractures.ts';
import type { PhantomWish } from '../src/phantom/phantomParams.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { seededRandom } from '../src/phantom/random.ts';
import { levelsOfSlice, renderSlice, sliceZ } from '../src/phantom/renderSlice.ts';
import { composeScene } from '../src/phantom/scene.ts';
import type { InputSpec } from '../src/preprocess/modelInput.ts';
import { modelInput } from '../src/preprocess/modelInput.ts';
import { GROSS_BONE, SOFT_TISSUE, STANDARD_BONE } from '../src/preprocess/windows.ts';

const MASK_STEP = 4;
/** Seeds of the splits never meet: seed * 1,000,000 + offset + number of the case. */
const SPLIT_OFFSETS = { images: 0, train: 200_000, validation: 400_000, test: 600_000, negatives: 800_000 } as const;
type Split = keyof typeof SPLIT_OFFSETS;

interface CohortRecipe {
  /** Patients of whom stage 1 sees a few slices each; 0: stage 1 sees all slices of `train`. */
  images?: number;
  slicesPerImagesCase?: number;
  train: number;
  validation: number;
  test: number;
  /** Intact cases beside `validation`, for the threshold: it is a quantile of intact scans, and few of them place it badly. */
  negatives?: number;
  positiveFraction: number;
  gradeShares?: Record<Grade, number>;
  /** How many of the cases are scanned at the spacing that their phantom draws (0.5 to 3 mm, mostly thin); the others have few and thick slices. */
  ownSpacingFraction?: number;
  /** Least and greatest number of slices of a case that is not scanned at its own spacing. */
  slices: [number, number];
  tiltFraction?: number;
}

interface Job {
  id: string;
  split: Split;
  seed: number;
  wish: PhantomWish;
  /** How many slices to draw; null for all. */
  sampled: number | null;
  input: InputSpec;
  out: string;
}

function plan(split: Split, count: number, seed: number, cohort: CohortRecipe, input: InputSpec, out: string): Job[] {
  const shares = cohort.gradeShares ?? { obvious: 0.3, middle: 0.45, subtle: 0.25 };
  return Array.from({ length: count }, (_, i) => {
    const caseSeed = seed * 1_000_000 + SPLIT_OFFSETS[split] + i;
    const random = seededRandom('cohort', caseSeed);
    const ownSpacing = random.chance(cohort.ownSpacingFraction ?? 0);
    const few = random.integer(...cohort.slices);
    const tilted = random.chance(cohort.tiltFraction ?? 0);
    const tiltDegrees = tilted ? random.between(-12, 12) : 0;
    const broken = random.chance(split === 'negatives' ? 0 : cohort.positiveFraction);
    const fractures = broken
      ? Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => {
          const type = random.pick(FRACTURE_TYPES);
          const u = random.next();
          const grade: Grade = u < shares.obvious ? 'obvious' : u < shares.obvious + shares.middle ? 'middle' : 'subtle';
          return { fracture: random.pick(FRACTURES.filter((name) => parseFracture(name).type === type)), grade };
        })
      : 'none';
    // A case's grade is that of its fractures: of two, both take the first's.
    if (fractures !== 'none') for (const fracture of fractures) fracture.grade = fractures[0]!.grade;
    return {
      id: `${split}-${caseSeed}`,
      split,
      seed: caseSeed,
      wish: { fractures: fractures === 'none' || new Set(fractures.map((f) => f.fracture)).size === fractures.length ? fractures : [fractures[0]!], slices: ownSpacing ? undefined : few, tiltDegrees },
      sampled: split === 'images' ? (cohort.slicesPerImagesCase ?? 8) : null,
      input,
      out,
    };
  });
}

/** Which slices of a sampled case are drawn: half near the breaks, the rest anywhere. */
function chooseSlices(scene: ReturnType<typeof composeScene>, job: Job): number[] {
  const { slices, sliceSpacingMm } = scene.params;
  const all = Array.from({ length: slices }, (_, i) => i);
  if (job.sampled === null) return all;
  const random = seededRandom('cohort-slices', job.seed);
  const chosen = new Set<number>();
  const near = all.filter((i) => scene.fractures.some((f) => Math.abs(sliceZ(scene, i) - f.centreMm[2]) <= Math.max(5, sliceSpacingMm)));
  for (let tries = 0; near.length > 0 && chosen.size < Math.min(near.length, job.sampled * 0.6) && tries < 1000; tries++) chosen.add(random.pick(near));
  for (let tries = 0; chosen.size < Math.min(slices, job.sampled) && tries < 1000; tries++) chosen.add(random.integer(0, slices - 1));
  return [...chosen].sort((a, b) => a - b);
}

function isThere(job: Job): boolean {
  const path = recordPath(job);
  if (!existsSync(path)) return false;
  const { wish } = JSON.parse(readFileSync(path, 'utf8')) as { wish: PhantomWish };
  return JSON.stringify(wish) === JSON.stringify(job.wish);
}

function recordPath(job: Job): string {
  return join(job.out, job.split, `${job.id}.json`);
}

function exportCase(job: Job): void {
  const params = drawPhantomParams(job.seed, job.wish);
  const scene = composeScene(params);
  const indices = chooseSlices(scene, job);
  const size = job.input.sizePixels;
  const maskSize = size / MASK_STEP;
  const pixels = params.rows * params.columns;
  const hu = new Int16Array(pixels);
  const mask = new Uint8Array(pixels);
  const images = new Uint8Array(indices.length * 3 * size * size);
  const masks: Uint8Array[] = [];
  const maskRows: number[] = [];
  const maskPixels: number[] = [];
  const pixelMm: number[] = [];
  for (const [k, index] of indices.entries()) {
    renderSlice(scene, index, hu, mask);
    const { tensor, box } = modelInput({ hu, rows: params.rows, columns: params.columns }, job.input);
    const at = k * tensor.length;
    for (let i = 0; i < tensor.length; i++) images[at + i] = tensor[i]! * 255 + 0.5;
    const side = box.right - box.left;
    pixelMm.push(Math.round(((side * params.pixelSpacingMm) / size) * 1000) / 1000);
    let count = 0;
    const small = new Uint8Array(maskSize * maskSize);
    for (let i = 0; i < pixels; i++) {
      if (mask[i] === 0) continue;
      count++;
      const row = Math.floor(((Math.floor(i / params.columns) + 0.5 - box.top) * maskSize) / side);
      const column = Math.floor((((i % params.columns) + 0.5 - box.left) * maskSize) / side);
      if (row >= 0 && row < maskSize && column >= 0 && column < maskSize) small[row * maskSize + column] = 1;
    }
    maskPixels.push(count);
    maskRows.push(count > 0 ? masks.push(small) - 1 : -1);
  }
  const dir = join(job.out, job.split);
  // A record of another wish must not stand beside new pixels.
  rmSync(recordPath(job), { force: true });
  writeNpy(join(dir, `${job.id}.npy`), images, [indices.length, 3, size, size]);
  writeNpy(join(dir, `${job.id}.mask.npy`), Buffer.concat(masks), [masks.length, maskSize, maskSize]);
  const record = {
    id: job.id,
    seed: job.seed,
    wish: job.wish,
    sliceSpacingMm: params.sliceSpacingMm,
    totalSlices: params.slices,
    sliceIndices: indices,
    labels: maskPixels.map((count) => count > 0),
    maskRows,
    maskPixels,
    pixelMm,
    levels: indices.map((index) => levelsOfSlice(scene, index)),
    caseLabel: params.fractures.length > 0,
    kernel: params.acquisition.kernel,
    ageYears: params.patient.ageYears,
    sex: params.patient.sex,
    fractures: params.fractures.map(({ name, grade }) => ({ ...parseFracture(name), grade })),
  };
  const path = recordPath(job);
  writeFileSync(`${path}.tmp`, JSON.stringify(record));
  renameSync(`${path}.tmp`, path);
}

/** NumPy's format 1.0, unsigned bytes in C order. */
function writeNpy(path: string, data: Uint8Array, shape: readonly number[]): void {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`, 'latin1');
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([prefix, header, data]));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      profile: { type: 'string', default: 'compact' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      splits: { type: 'string', default: Object.keys(SPLIT_OFFSETS).join(',') },
    },
  });
  if (values.out === undefined) throw new Error('--out DIR says where the cohort goes');
  const file = values.profile.endsWith('.json') ? values.profile : join(import.meta.dirname, 'profiles', `${values.profile}.json`);
  const profile = JSON.parse(readFileSync(file, 'utf8')) as { input: Omit<InputSpec, 'windowsHu'>; cohort: CohortRecipe };
  const input: InputSpec = { ...profile.input, windowsHu: [GROSS_BONE, STANDARD_BONE, SOFT_TISSUE] };
  const out = values.out;
  const jobs: Job[] = [];
  for (const split of values.splits.split(',')) {
    if (!(split in SPLIT_OFFSETS)) throw new Error(`--splits: "${split}" is none of ${Object.keys(SPLIT_OFFSETS).join(', ')}`);
    mkdirSync(join(out, split), { recursive: true });
    jobs.push(...plan(split as Split, profile.cohort[split as Split] ?? 0, Number(values.seed), profile.cohort, input, out));
  }
  const waiting = jobs.filter((job) => !isThere(job));
  const bar = new cliProgress.SingleBar({ format: 'phantoms {bar} {value}/{total} {eta_formatted}', stream: process.stderr, noTTYOutput: true, notTTYSchedule: 15_000 });
  bar.start(jobs.length, jobs.length - waiting.length);
  await Promise.all(
    Array.from({ length: Math.min(Number(values.workers), waiting.length) }, async () => {
      const worker = fork(fileURLToPath(import.meta.url), [], { execArgv: process.execArgv, env: { ...process.env, ODONTOID_EXPORT_WORKER: '1' } });
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        await new Promise<void>((resolve, reject) => {
          worker.removeAllListeners();
          worker.once('message', () => resolve());
          worker.once('exit', (code) => reject(new Error(`a worker ended with ${String(code)} at ${job.id}`)));
          worker.send(job);
        });
        bar.increment();
      }
      worker.removeAllListeners();
      worker.disconnect();
    }),
  );
  bar.stop();
}

if (process.env['ODONTOID_EXPORT_WORKER'] === undefined) {
  await main();
} else {
  process.on('message', (job) => {
    exportCase(job as Job);
    // A parent that is gone is no error: what is written stays.
    if (process.connected) process.send!('done');
  });
}
