import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { loadConfig } from '../config/configFile.ts';
import { readDataset } from '../dataset/readDataset.ts';
import { casesOfPart, parseSplit } from '../dataset/splits.ts';
import { TriageError } from '../base/errors.ts';
import { evaluateCases, type Evaluation } from '../evaluate/evaluation.ts';
import { evaluationHtml, evaluationInShort } from '../evaluate/evaluationReport.ts';
import type { JudgedCase } from '../evaluate/judgedCase.ts';
import { evaluationTables } from '../evaluate/reportTables.ts';
import { evaluateCohort, type CohortJudgement } from '../cohort/evaluateCohort.ts';
import { createLog } from '../base/log.ts';
import { noteProblems } from './datasetProblems.ts';
import { MODEL_HELP, MODEL_OPTION, withModel } from './modelOption.ts';
import { share, wholeNumber } from './numbers.ts';
import { printLine, printTables, progressBar } from './output.ts';
import { writeReport } from './writeReport.ts';

interface EvaluateOptions {
  model?: string;
  threshold?: number;
  imageThreshold: number;
  split?: string;
  part?: string;
  seed: number;
  cache?: string;
  config?: string;
  html?: string;
  json?: string | true;
}

/** `odontoid evaluate DIR`: the model package on a labelled cohort, through the agent's own stages. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .argument('<DIR>', 'a phantom cohort, the RSNA 2022 release, or a folder with cases.csv')
    .option(MODEL_OPTION, MODEL_HELP)
    .option('--threshold <0..1>', 'a case is positive from here (default: the one that the network ships with)', share)
    .option('--image-threshold <0..1>', 'an image is positive from here', share, 0.5)
    .option('--split <FILE>', 'with --part: only the cases of that part of a split')
    .option('--part <NAME>', 'for example test, or fold-1')
    .option('--seed <n>', 'of the bootstrap and of the balanced draws', wholeNumber(0, 2 ** 31 - 1), 1)
    .option(
      '--cache <DIR>',
      'where finished cases are kept, so that a run goes on where it was killed (default: .evaluation in the cohort)',
    )
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--html <FILE>', 'write the report as one page with plots')
    .option(
      '--json [FILE]',
      'write {dataset, model, provider, speed, evaluation, cases, problems}; without FILE to standard output, instead of the text',
    )
    .action(async (folder: string, options: EvaluateOptions, command: Command) => {
      if ((options.split === undefined) !== (options.part === undefined))
        command.error('error: --split and --part belong together');
      const config = await withModel(loadConfig(options.config, process.env), options.model);
      const dataset = await readDataset(folder);
      const cases =
        options.split === undefined
          ? dataset.cases
          : casesOfPart(dataset.cases, parseSplit(await readText(options.split), options.split), options.part!);
      const bar = progressBar('Cases', cases.length);
      const judgement = await evaluateCohort({
        cases,
        cacheDir: options.cache ?? path.join(dataset.root, '.evaluation'),
        config,
        clock: systemClock,
        log: createLog('error'),
        onProgress: (done, rate) => {
          bar.set(done, `${rate.toFixed(1)} slices/s`);
        },
      }).finally(() => {
        bar.stop();
      });
      const problems = [...dataset.problems, ...judgement.problems];
      noteProblems(problems);
      if (judgement.cases.length === 0)
        throw new TriageError(
          'dataset-invalid',
          'No case could be read: there is nothing to measure. The lines above say why.',
        );
      const evaluation = evaluateCases({
        cases: judgement.cases,
        threshold: options.threshold ?? judgement.defaultThreshold,
        imageThreshold: options.imageThreshold,
        seed: options.seed,
      });
      const facts = factsOf(
        options.part === undefined ? folder : `${options.part} of ${folder}`,
        evaluation,
        judgement,
        problems.length,
      );
      if (options.html !== undefined)
        await writeReport(options.html, evaluationHtml(evaluation, judgement.cases, facts));
      if (options.json !== undefined) {
        const { model, provider, speed } = judgement;
        const judged = judgement.cases.map(withoutSlices);
        const text = `${JSON.stringify({ dataset: { kind: dataset.kind, folder, part: options.part ?? null }, model, provider, speed, evaluation, cases: judged, problems }, null, 1)}\n`;
        if (options.json === true) {
          process.stdout.write(text);
          return;
        }
        await writeReport(options.json, text);
      }
      for (const fact of facts) printLine(fact);
      printTables(evaluationTables(evaluation, judgement.cases));
      for (const line of evaluationInShort(evaluation)) printLine(line);
      printLine('Not for diagnostic use.');
    });
}

function factsOf(
  name: string,
  { cohort, seed }: Evaluation,
  { model, provider, speed }: CohortJudgement,
  problems: number,
): string[] {
  const { slices, slicesKept, seconds, processes } = speed;
  const rate =
    slices === 0
      ? `all ${slicesKept} slices were encoded by an earlier run`
      : `${(slices / seconds).toFixed(1)} slices/s in ${processes} ${processes === 1 ? 'process' : 'processes'} (${slices} slices in ${seconds.toFixed(0)} s${slicesKept > 0 ? `, ${slicesKept} more from an earlier run` : ''})`;
  return [
    `Cohort: ${name}, ${cohort.cases} cases, ${cohort.positives} positive; ${cohort.images} analysed images, ${cohort.positiveImages} positive; ${problems} ${problems === 1 ? 'problem' : 'problems'} listed`,
    `Network: ${model.name} ${model.version} (${model.sha256.slice(0, 12)})${provider === null ? '' : ` on ${provider}`}; seed of the draws ${seed}`,
    `Speed: ${rate}`,
  ];
}

/** Scores of single slices are left out because there are many; the records in the cache have them. */
function withoutSlices({
  id,
  label,
  probability,
  reason,
  sex,
  ageYears,
  levels,
  types,
  grade,
  sliceLabels,
  localisation,
}: JudgedCase): object {
  return {
    id,
    label,
    probability,
    reason,
    sex,
    ageYears,
    levels,
    types,
    grade,
    slices: sliceLabels.length,
    localisation,
  };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new TriageError('not-found', `${file} cannot be read.`, { cause: error });
  });
}
