/**
 * Writes a labelled dataset (docs/evaluation.md: RSNA 2022, a folder with cases.csv, a phantom cohort) as training reads it: the agent's own choice of series, order of
 * slices, decoding and preprocessing, so that training and inference cannot drift.
 *
 *   npx tsx training/exportDataset.ts --dataset DIR --split FILE --profile paper --out DIR [--workers 2] [--splits train,test] [--sample 2]
 *
 * caseTensors.ts describes the files. What cannot be used is summed up on standard error and listed in `problems.json`. A case that exists already, made by the same request, is kept.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { configFrom } from '../src/config/configFile.ts';
import type { Box, LabelledCase, Problem } from '../src/dataset/dataset.ts';
import { imageTruth } from '../src/dataset/imageTruth.ts';
import { problemLines } from '../src/dataset/problemLines.ts';
import { readDataset } from '../src/dataset/readDataset.ts';
import { casesOfPart, parseSplit } from '../src/dataset/splits.ts';
import { orientMatrix, orientPoint } from '../src/dicom/geometry.ts';
import { messageOf } from '../src/base/errors.ts';
import { openCtFile, type CtSlice } from '../src/infer/decodePixels.ts';
import { vertebraTruth, type SpineOnSlice } from '../src/dataset/vertebraTruth.ts';
import { readLabelledStudy } from '../src/cohort/readLabelledStudy.ts';
import { inputOf, profilePath, writeCaseTensors, type Input, type LabelledSlice } from './caseTensors.ts';
import { isWorker, sampled, sampleSize, serveJobs, spreadJobs } from './exportWorkers.ts';

/** A case as it is sent to a worker: JSON cannot hold maps. */
interface Job {
  labelled: Omit<LabelledCase, 'imageLabels' | 'boxes'> & {
    imageLabels: [string, boolean][];
    boxes: [string, readonly Box[]][];
  };
  input: Input;
  dir: string;
  id: string;
  /** Digest of the request that made the case: another request makes it again. */
  wish: string;
}

/** Written last, whether the case is trained on or not. */
const problemsPath = (job: Job): string => join(job.dir, 'problems', `${job.id}.json`);

async function exportCase(job: Job): Promise<void> {
  const labelled: LabelledCase = {
    ...job.labelled,
    imageLabels: new Map(job.labelled.imageLabels),
    boxes: new Map(job.labelled.boxes),
  };
  const { assemble, receive } = configFrom({});
  const study = await readLabelledStudy(labelled, assemble, {
    receivedAtMs: 0,
    maxObjectBytes: receive.maxObjectBytes,
  });
  const { problems } = study;
  const finish = (leftOut: string | null): void => {
    if (leftOut !== null)
      problems.push({ where: labelled.id, problem: `${leftOut}: the case is not trained on`, dropped: true });
    writeFileSync(problemsPath(job), JSON.stringify({ wish: job.wish, problems }));
  };
  if (study.kind !== 'series') {
    finish(study.kind === 'useless' ? study.why : study.reason);
    return;
  }
  const { manifest, slices: chosen } = study;
  const { truth, problems: ofTruth } = await imageTruth(labelled, chosen);
  const { spine, problems: ofLevels } = await vertebraTruth(labelled, chosen);
  problems.push(...ofTruth, ...ofLevels);
  async function* slices(): AsyncGenerator<LabelledSlice> {
    for (const [index, { file, frameNumber }] of chosen.entries()) {
      const image = await (await openCtFile(file)).slice(frameNumber);
      const { mask, label } = truth[index]!;
      yield {
        image,
        mask: mask && orientMatrix(mask, image.storedRows, image.storedColumns, image.orientation).values,
        label,
        pixelSpacingMm: image.pixelSpacingMm,
        positionMm: manifest.slices[index]!.positionMm,
        ...(spine === null ? {} : onImage(spine[index]!, image)),
      };
    }
  }
  try {
    await writeCaseTensors(job.dir, job.id, chosen.length, slices(), job.input, {
      case: labelled.id,
      patient: labelled.patientKey,
      wish: job.wish,
      sliceSpacingMm: manifest.sliceSpacingMm,
      caseLabel: labelled.label,
      fractures: fracturesOf(labelled),
    });
    finish(null);
  } catch (error) {
    finish(messageOf(error));
  }
}

/** What a segmentation says of a slice, in the trained orientation. */
function onImage(
  { levels, middle }: SpineOnSlice,
  { storedRows, storedColumns, orientation }: CtSlice,
): Pick<LabelledSlice, 'levels' | 'middle'> {
  return { levels, middle: middle && orientPoint(middle, storedRows, storedColumns, orientation) };
}

/** The fractures by level, or by type where the dataset has more types; which type belongs to which level is not always stated. */
function fracturesOf({
  levels,
  types,
  grade,
}: LabelledCase): { level: string | null; type: string | null; grade: string | null }[] {
  return Array.from({ length: Math.max(levels.length, types.length) }, (_, i) => ({
    level: levels[i] ?? null,
    type: types[i] ?? null,
    grade,
  }));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dataset: { type: 'string' },
      split: { type: 'string' },
      profile: { type: 'string', default: 'paper' },
      out: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      splits: { type: 'string', default: 'train,validation,test' },
      sample: { type: 'string' },
    },
  });
  const { dataset: folder, split: splitFile, out } = values;
  if (folder === undefined || splitFile === undefined || out === undefined)
    throw new Error('--dataset DIR, --split FILE (made by "odontoid split --shares") and --out DIR are needed');
  const { input } = inputOf(profilePath(values.profile));
  const dataset = await readDataset(folder);
  const split = parseSplit(readFileSync(splitFile, 'utf8'), splitFile);
  const jobs = values.splits.split(',').flatMap((part) => {
    const dir = join(out, part);
    mkdirSync(join(dir, 'problems'), { recursive: true });
    const all = casesOfPart(dataset.cases, split, part);
    return sampled(all, ({ label }) => label, sampleSize(values.sample)).map((labelled): Job => {
      const plain = { ...labelled, imageLabels: [...labelled.imageLabels], boxes: [...labelled.boxes] };
      // Case names can be paths; these become file names, in the order of the dataset.
      const id = `${part}-${String(dataset.cases.indexOf(labelled)).padStart(6, '0')}`;
      return {
        labelled: plain,
        input,
        dir,
        id,
        wish: createHash('sha256').update(JSON.stringify({ plain, input })).digest('hex'),
      };
    });
  });
  const waiting = jobs.filter((job) => !isThere(job));
  for (const job of waiting)
    for (const path of [problemsPath(job), join(job.dir, `${job.id}.json`)]) rmSync(path, { force: true });
  await spreadJobs(fileURLToPath(import.meta.url), waiting, {
    workers: Number(values.workers),
    done: jobs.length - waiting.length,
    what: 'cases',
  });
  const problems = [
    ...dataset.problems,
    ...jobs.flatMap((job) => (JSON.parse(readFileSync(problemsPath(job), 'utf8')) as { problems: Problem[] }).problems),
  ];
  writeFileSync(join(out, 'problems.json'), `${JSON.stringify(problems, null, 1)}\n`);
  for (const line of problemLines(problems)) process.stderr.write(`${line}\n`);
  for (const part of new Set(jobs.map(({ dir }) => dir)))
    if (!readdirSync(part).some((name) => name.endsWith('.json')))
      throw new Error(
        `No case of ${part} can be trained on; the lines above say why. All of them: ${join(out, 'problems.json')}`,
      );
}

function isThere(job: Job): boolean {
  return (
    existsSync(problemsPath(job)) &&
    (JSON.parse(readFileSync(problemsPath(job), 'utf8')) as { wish: string }).wish === job.wish
  );
}

if (isWorker) serveJobs(exportCase);
else await main();
