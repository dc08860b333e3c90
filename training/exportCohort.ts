/**
 * Writes the training cohort: phantoms through the agent's own preprocessing, so that training and inference cannot drift.
 *
 *   npx tsx training/exportCohort.ts --profile compact --seed 1 --out DIR [--workers 2] [--splits train,test] [--sample 2]
 *
 * caseTensors.ts describes the files. A case that exists already, made by the same request, is kept, so a killed run continues where it stopped.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Grade } from '../src/phantom/fractures.ts';
import { FRACTURE_TYPES, FRACTURES, parseFracture } from '../src/phantom/fractures.ts';
import type { PhantomOptions } from '../src/phantom/phantomParams.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { seededRandom } from '../src/base/random.ts';
import { levelsOfSlice, renderSlice, sliceZ, spineMiddle } from '../src/phantom/renderSlice.ts';
import { composeScene } from '../src/phantom/scene.ts';
import { inputOf, profilePath, writeCaseTensors, type Input, type LabelledSlice } from './caseTensors.ts';
import { isWorker, sampled, sampleSize, serveJobs, spreadJobs } from './exportWorkers.ts';

/** The seeds of two splits are never equal: seed * 1,000,000 + offset + number of the case. */
const SPLIT_OFFSETS = { images: 0, train: 200_000, validation: 400_000, test: 600_000, negatives: 800_000 } as const;
type Split = keyof typeof SPLIT_OFFSETS;

interface CohortRecipe {
  /** Patients of whom stage 1 uses a few slices each; 0: stage 1 uses all slices of `train`. */
  images?: number;
  slicesPerImagesCase?: number;
  train: number;
  validation: number;
  test: number;
  /** Intact cases in addition to `validation`, for the threshold: a quantile of intact scans, which a small number estimates badly. */
  negatives?: number;
  positiveFraction: number;
  gradeShares?: Record<Grade, number>;
  /** Number of cases scanned at the slice spacing drawn for their phantom (0.5 to 3 mm, mostly thin); the others have few, thick slices. */
  ownSpacingFraction?: number;
  /** Minimum and maximum number of slices of a case that is not scanned at its own spacing. */
  slices: [number, number];
  tiltFraction?: number;
  /** Side of the scans' matrix in pixels; that of the phantoms (512) when absent. */
  rows?: number;
}

interface Job {
  id: string;
  split: Split;
  seed: number;
  wish: PhantomOptions;
  /** Number of slices to draw; null for all. */
  sampled: number | null;
  input: Input;
  out: string;
}

function plan(split: Split, count: number, seed: number, cohort: CohortRecipe, input: Input, out: string): Job[] {
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
          const grade: Grade =
            u < shares.obvious ? 'obvious' : u < shares.obvious + shares.middle ? 'middle' : 'subtle';
          return { fracture: random.pick(FRACTURES.filter((name) => parseFracture(name).type === type)), grade };
        })
      : 'none';
    // A case has one grade: a second fracture takes the grade of the first.
    if (fractures !== 'none') for (const fracture of fractures) fracture.grade = fractures[0]!.grade;
    return {
      id: `${split}-${caseSeed}`,
      split,
      seed: caseSeed,
      wish: {
        fractures:
          fractures === 'none' || new Set(fractures.map((f) => f.fracture)).size === fractures.length
            ? fractures
            : [fractures[0]!],
        slices: ownSpacing ? undefined : few,
        rows: cohort.rows,
        tiltDegrees,
      },
      sampled: split === 'images' ? (cohort.slicesPerImagesCase ?? 8) : null,
      input,
      out,
    };
  });
}

/** The slices drawn from a sampled case: half near the fractures, the rest anywhere. */
function chooseSlices(scene: ReturnType<typeof composeScene>, job: Job): number[] {
  const { slices, sliceSpacingMm } = scene.params;
  const all = Array.from({ length: slices }, (_, i) => i);
  if (job.sampled === null) return all;
  const random = seededRandom('cohort-slices', job.seed);
  const chosen = new Set<number>();
  const near = all.filter((i) =>
    scene.fractures.some((f) => Math.abs(sliceZ(scene, i) - f.centreMm[2]) <= Math.max(5, sliceSpacingMm)),
  );
  for (
    let tries = 0;
    near.length > 0 && chosen.size < Math.min(near.length, job.sampled * 0.6) && tries < 1000;
    tries++
  )
    chosen.add(random.pick(near));
  for (let tries = 0; chosen.size < Math.min(slices, job.sampled) && tries < 1000; tries++)
    chosen.add(random.integer(0, slices - 1));
  return [...chosen].sort((a, b) => a - b);
}

function isThere(job: Job): boolean {
  const path = recordPath(job);
  if (!existsSync(path)) return false;
  const { wish } = JSON.parse(readFileSync(path, 'utf8')) as { wish: PhantomOptions };
  return JSON.stringify(wish) === JSON.stringify(job.wish);
}

function recordPath(job: Job): string {
  return join(job.out, job.split, `${job.id}.json`);
}

async function exportCase(job: Job): Promise<void> {
  const params = drawPhantomParams(job.seed, job.wish);
  const scene = composeScene(params);
  const indices = chooseSlices(scene, job);
  const hu = new Int16Array(params.rows * params.columns);
  const mask = new Uint8Array(params.rows * params.columns);
  function* slices(): Generator<LabelledSlice> {
    for (const index of indices) {
      renderSlice(scene, index, hu, mask);
      yield {
        image: { hu, rows: params.rows, columns: params.columns },
        mask,
        pixelSpacingMm: [params.pixelSpacingMm, params.pixelSpacingMm],
        positionMm: sliceZ(scene, index),
        levels: levelsOfSlice(scene, index),
        middle: spineMiddle(scene, index),
      };
    }
  }
  await writeCaseTensors(join(job.out, job.split), job.id, indices.length, slices(), job.input, {
    seed: job.seed,
    wish: job.wish,
    sliceSpacingMm: params.sliceSpacingMm,
    totalSlices: params.slices,
    sliceIndices: indices,
    caseLabel: params.fractures.length > 0,
    kernel: params.acquisition.kernel,
    ageYears: params.patient.ageYears,
    sex: params.patient.sex,
    fractures: params.fractures.map(({ name, grade }) => ({ ...parseFracture(name), grade })),
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      profile: { type: 'string', default: 'compact' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      splits: { type: 'string', default: Object.keys(SPLIT_OFFSETS).join(',') },
      sample: { type: 'string' },
    },
  });
  if (values.out === undefined) throw new Error('--out DIR says where the cohort goes');
  const { input, profile } = inputOf(profilePath(values.profile));
  const cohort = profile['cohort'] as CohortRecipe;
  const out = values.out;
  const jobs: Job[] = [];
  for (const split of values.splits.split(',')) {
    if (!(split in SPLIT_OFFSETS))
      throw new Error(`--splits: "${split}" is none of ${Object.keys(SPLIT_OFFSETS).join(', ')}`);
    mkdirSync(join(out, split), { recursive: true });
    const all = plan(split as Split, cohort[split as Split] ?? 0, Number(values.seed), cohort, input, out);
    jobs.push(...sampled(all, ({ wish }) => wish.fractures !== 'none', sampleSize(values.sample)));
  }
  const waiting = jobs.filter((job) => !isThere(job));
  await spreadJobs(fileURLToPath(import.meta.url), waiting, {
    workers: Number(values.workers),
    done: jobs.length - waiting.length,
    what: 'phantoms',
  });
}

if (isWorker) serveJobs(exportCase);
else await main();
