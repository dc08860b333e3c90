import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generatePhantom } from './generatePhantom.ts';
import { studyLines, type StudyLines } from './labelsCsv.ts';
import { maskNifti } from './maskNifti.ts';
import type { PhantomParams } from './phantomParams.ts';
import { writePhantomStudy } from './writePhantomStudy.ts';

export interface CohortStudy {
  /** Name of the study's folder. */
  readonly folder: string;
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly slices: number;
  readonly fractures: readonly string[];
  readonly caseLabel: boolean;
}

/** A study that has been written, and its lines for the cohort's tables. */
export interface FinishedStudy {
  readonly study: CohortStudy;
  readonly lines: StudyLines;
}

/** A study of a cohort and its destination; plain data, for another process. */
export interface StudyJob {
  readonly params: PhantomParams;
  readonly out: string;
  readonly masks: boolean;
  /** When it was scanned, `YYYYMMDDHHMMSS`. */
  readonly studyDateTime: string;
}

export function folderOf({ params }: StudyJob): string {
  return `study-${String(params.seed).padStart(6, '0')}`;
}

/** Generates a study and writes its series, its mask if requested, and last, in one move, the record that it is complete. */
export async function writeCohortStudy(job: StudyJob): Promise<FinishedStudy> {
  const { params, out, masks } = job;
  const folder = folderOf(job);
  const phantom = generatePhantom(params);
  // Files of a run that was interrupted, or asked for another series, would be a second study in the folder.
  await rm(path.join(out, folder), { recursive: true, force: true });
  const written = await writePhantomStudy(phantom, { dir: path.join(out, folder), studyDateTime: job.studyDateTime });
  const mask = masks ? `masks/${folder}.nii.gz` : '';
  if (masks) {
    await mkdir(path.join(out, 'masks'), { recursive: true });
    await writeFile(path.join(out, mask), maskNifti(phantom));
  }
  const finished: FinishedStudy = {
    study: {
      folder,
      studyInstanceUid: written.studyInstanceUid,
      patientId: written.patientId,
      slices: phantom.slices,
      fractures: phantom.fractures.map((fracture) => fracture.name),
      caseLabel: phantom.caseLabel,
    },
    lines: studyLines(phantom, written, folder, mask),
  };
  const record = recordPath(job);
  await mkdir(path.dirname(record), { recursive: true });
  await writeFile(`${record}.part`, JSON.stringify({ digest: digestOf(job), ...finished }));
  await rename(`${record}.part`, record);
  return finished;
}

/** What an earlier run wrote for exactly this study, whenever that was, or null: not begun, interrupted, or generated with other parameters. */
export async function finishedStudy(job: StudyJob): Promise<FinishedStudy | null> {
  const text = await readFile(recordPath(job), 'utf8').catch(() => null);
  if (text === null) return null;
  const { digest, study, lines } = JSON.parse(text) as FinishedStudy & { digest: string };
  return digest === digestOf(job) ? { study, lines } : null;
}

function recordPath(job: StudyJob): string {
  return path.join(job.out, '.written', `${folderOf(job)}.json`);
}

function digestOf({ params, masks }: StudyJob): string {
  return createHash('sha256').update(JSON.stringify({ params, masks })).digest('hex');
}
