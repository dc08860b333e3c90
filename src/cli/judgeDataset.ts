import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { evaluateCohort, type CohortJudgement } from '../cohort/evaluateCohort.ts';
import type { Config } from '../config/config.ts';
import type { Dataset, LabelledCase, Problem } from '../dataset/dataset.ts';
import { readDataset } from '../dataset/readDataset.ts';
import { casesOfPart, parseSplit } from '../dataset/splits.ts';
import type { JudgedCase } from '../evaluate/judgedCase.ts';
import { noteProblems } from './datasetProblems.ts';
import { progressBar } from './output.ts';

/** Which cases of a dataset a command judges, and where it keeps what is finished. */
export interface JudgeOptions {
  split?: string;
  part?: string;
  cache?: string;
}

/** Ends the command where only one of --split and --part is given. */
export function partOrNothing(command: Command, { split, part }: JudgeOptions): void {
  if ((split === undefined) !== (part === undefined)) command.error('error: --split and --part belong together');
}

/** The dataset in words: the folder, or the part of it. */
export function nameOf(folder: string, { part }: JudgeOptions): string {
  return part === undefined ? folder : `${part} of ${folder}`;
}

/**
 * Reads a labelled dataset, or a part of it, and judges its cases with the configured package. Says on standard error what is wrong with the dataset.
 *
 * @throws TriageError `dataset-invalid` when nothing can be judged, `not-found`, `model-*`
 */
export async function judgeDataset(
  folder: string,
  config: Config,
  { split, part, cache }: JudgeOptions,
): Promise<{ dataset: Dataset; cases: readonly LabelledCase[]; judgement: CohortJudgement; problems: Problem[] }> {
  const dataset = await readDataset(folder);
  const cases =
    split === undefined ? dataset.cases : casesOfPart(dataset.cases, parseSplit(await readText(split), split), part!);
  const judgement = await judgeCases(cases, config, cache ?? path.join(dataset.root, '.evaluation'));
  const problems = [...dataset.problems, ...judgement.problems];
  noteProblems(problems);
  if (judgement.cases.length === 0)
    throw new TriageError(
      'dataset-invalid',
      'No case could be read: there is nothing to measure. The lines above say why.',
    );
  return { dataset, cases, judgement, problems };
}

/** Judges cases with the configured package behind a progress bar; finished ones are kept in `cacheDir`. */
export async function judgeCases(
  cases: readonly LabelledCase[],
  config: Config,
  cacheDir: string,
): Promise<CohortJudgement> {
  const bar = progressBar('Cases', cases.length);
  return evaluateCohort({
    cases,
    cacheDir,
    config,
    clock: systemClock,
    log: createLog('error'),
    onProgress: (done, rate) => {
      bar.set(done, `${rate.toFixed(1)} slices/s`);
    },
  }).finally(() => {
    bar.stop();
  });
}

/** A line about the network that judged. */
export function networkFact({ model, provider }: CohortJudgement): string {
  return `Network: ${model.name} ${model.version} (${model.sha256.slice(0, 12)})${provider === null ? '' : ` on ${provider}`}`;
}

/** A line about the time it took. */
export function speedFact({ speed: { slices, slicesKept, seconds, processes } }: CohortJudgement): string {
  const rate =
    slices === 0
      ? `all ${slicesKept} slices were encoded by an earlier run`
      : `${(slices / seconds).toFixed(1)} slices/s in ${processes} ${processes === 1 ? 'process' : 'processes'} (${slices} slices in ${seconds.toFixed(0)} s${slicesKept > 0 ? `, ${slicesKept} more from an earlier run` : ''})`;
  return `Speed: ${rate}`;
}

/** Scores of single slices are left out because there are many; the records in the cache have them. */
export function withoutSlices({
  id,
  patientKey,
  label,
  probability,
  reason,
  sex,
  ageYears,
  levels,
  types,
  grade,
  scanner,
  kernel,
  sliceThicknessMm,
  sliceLabels,
  localisation,
}: JudgedCase): object {
  return {
    id,
    patientKey,
    label,
    probability,
    reason,
    sex,
    ageYears,
    levels,
    types,
    grade,
    scanner,
    kernel,
    sliceThicknessMm,
    slices: sliceLabels.length,
    localisation,
  };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new TriageError('not-found', `${file} cannot be read.`, { cause: error });
  });
}
