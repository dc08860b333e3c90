import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { systemClock } from '../base/clock.ts';
import { dateTimeOf } from '../dicom/dateTimes.ts';
import { writeInProcesses } from './cohortProcesses.ts';
import {
  finishedStudy,
  folderOf,
  writeCohortStudy,
  type CohortStudy,
  type FinishedStudy,
  type StudyJob,
} from './cohortStudy.ts';
import type { Grade } from './fractures.ts';
import { CASES_HEADER, LABELS_HEADER } from './labelsCsv.ts';
import { drawPaperCohort } from './paperCohort.ts';
import { drawPhantomParams, type PhantomParams, type PhantomOptions } from './phantomParams.ts';

export interface CohortOptions {
  /** Study k has the seed `seed + k`. */
  readonly seed: number;
  readonly count: number;
  /** A cohort with the paper's description of its patients, with pixel masks; `fracture` and `grade` do not apply. */
  readonly paper?: { readonly prevalence?: number | undefined } | undefined;
  /** `type@level` or `none` for every study; absent for a mix. */
  readonly fracture?: string | undefined;
  readonly grade?: Grade | undefined;
  readonly slices?: number | undefined;
  readonly rows?: number | undefined;
  /** When every study was scanned, `YYYYMMDDHHMMSS`; left out: now. */
  readonly studyDateTime?: string | undefined;
  /** Folder that gets one folder per study, labels.csv and cases.csv. */
  readonly out: string;
  /** Default: as many as the machine has cores. */
  readonly processes?: number | undefined;
  readonly onProgress?: ((studiesDone: number, count: number) => void) | undefined;
}

/**
 * Writes synthetic studies with their truth: labels.csv has a line per image, cases.csv a line per case. The same request, `studyDateTime` included, gives the same files, however many
 * processes write them (compressed masks: the same voxels). Studies that an earlier, interrupted run has finished are kept; the tables come last.
 * @throws TriageError `phantom-fracture-unknown` before anything is written
 */
export async function writePhantomCohort(asked: CohortOptions): Promise<CohortStudy[]> {
  // Resolved once, here, so that the writing processes get an absolute path.
  const options = { ...asked, out: path.resolve(asked.out) };
  const studyDateTime = options.studyDateTime ?? dateTimeOf(systemClock.now());
  const masks = options.paper !== undefined;
  const jobs = drawAll(options).map((params): StudyJob => ({ params, out: options.out, masks, studyDateTime }));
  await mkdir(options.out, { recursive: true });
  const done = new Map<string, FinishedStudy>();
  const finish = (job: StudyJob, finished: FinishedStudy): void => {
    done.set(folderOf(job), finished);
    options.onProgress?.(done.size, jobs.length);
  };
  const waiting: StudyJob[] = [];
  for (const job of jobs) {
    const finished = await finishedStudy(job);
    if (finished === null) waiting.push(job);
    else finish(job, finished);
  }
  const processes = options.processes ?? availableParallelism();
  if (waiting.length > 1 && processes > 1) await writeInProcesses(waiting, processes, finish);
  else for (const job of waiting) finish(job, await writeCohortStudy(job));

  const finished = jobs.map((job) => done.get(folderOf(job))!);
  await writeFile(
    path.join(options.out, 'labels.csv'),
    `${[LABELS_HEADER, ...finished.flatMap(({ lines }) => lines.labels)].join('\n')}\n`,
  );
  await writeFile(
    path.join(options.out, 'cases.csv'),
    `${[CASES_HEADER, ...finished.map(({ lines }) => lines.case)].join('\n')}\n`,
  );
  return finished.map(({ study }) => study);
}

function drawAll(options: CohortOptions): PhantomParams[] {
  const { seed, count, slices, rows, fracture, grade, paper } = options;
  if (paper !== undefined) return drawPaperCohort({ seed, count, slices, rows, prevalence: paper.prevalence });
  const fractures: PhantomOptions['fractures'] =
    fracture === undefined ? undefined : fracture === 'none' ? 'none' : [{ fracture, grade }];
  return Array.from({ length: count }, (_, k) => drawPhantomParams(seed + k, { fractures, slices, rows }));
}
