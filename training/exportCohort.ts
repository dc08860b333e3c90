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
import { parseFracture } from '../src/phantom/fractures.ts';
import type { PhantomOptions } from '../src/phantom/phantomParams.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { seededRandom } from '../src/base/random.ts';
import { levelsOfSlice, renderSlice, sliceZ, spineMiddle } from '../src/phantom/renderSlice.ts';
import { composeScene } from '../src/phantom/scene.ts';
import { inputOf, profilePath, writeCaseTensors, type Input, type LabelledSlice } from './caseTensors.ts';
import { planSplit, SPLIT_OFFSETS, type CohortRecipe, type PlannedCase, type Split } from './cohortPlan.ts';
import { isWorker, sampled, sampleSize, serveJobs, spreadJobs } from './exportWorkers.ts';

interface Job extends PlannedCase {
  /** Number of slices to draw; null for all. */
  sampled: number | null;
  input: Input;
  out: string;
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
    const all = planSplit(split as Split, cohort[split as Split] ?? 0, Number(values.seed), cohort);
    const chosen = sampled(all, ({ wish }) => wish.fractures !== 'none', sampleSize(values.sample));
    const slices = split === 'images' ? (cohort.slicesPerImagesCase ?? 8) : null;
    jobs.push(...chosen.map((planned) => ({ ...planned, sampled: slices, input, out })));
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
