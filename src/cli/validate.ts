import { userInfo } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import type { ModelValidation } from '../answers/modelAnswers.ts';
import type { Proportion } from '../answers/thresholdAnswers.ts';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import type { CohortJudgement } from '../cohort/evaluateCohort.ts';
import { keySlicePictures } from '../cohort/keySlicePictures.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import { evaluationTables, percent } from '../evaluate/reportTables.ts';
import { validateCases, type Validation, type Wishes } from '../evaluate/validation.ts';
import { validationHtml, validationInShort, validationTables } from '../evaluate/validationReport.ts';
import { FEWEST_OF_A_CLASS } from '../worklist/models/modelValidations.ts';
import { noteProblems } from './datasetProblems.ts';
import { networkFact, speedFact, withoutSlices, type JudgeOptions } from './judgeDataset.ts';
import { makeDatabase, onDatabase } from './modelDatabase.ts';
import { MODEL_HELP, MODEL_OPTION, withModel } from './modelOption.ts';
import { share, wholeNumber } from './numbers.ts';
import { printLine, printTables } from './output.ts';
import { judgeFolder, judgeSite, verifiedRatesHere, type JudgedHere } from './validationCases.ts';
import { writeReport } from './writeReport.ts';

interface ValidateOptions extends JudgeOptions {
  site?: true;
  days: number;
  model?: string;
  threshold?: number;
  sensitivity?: number;
  flagsPerDay?: number;
  scansPerDay?: number;
  prevalence?: number;
  seed: number;
  by?: string;
  config?: string;
  html?: string;
  json?: string | true;
}

/** Pictures of each kind of error. */
const MOST_PICTURES = 12;
const PHANTOM = 'Odontoid Synthetic phantom';

/** `odontoid validate DIR` or `--site`: what a package reaches on this site's patients, as a report and on record. */
export function validateCommand(): Command {
  return new Command('validate')
    .argument('[DIR]', 'the RSNA 2022 release, or a folder with cases.csv; or nothing, with --site')
    .option(
      '--site',
      'the site’s own past cases whose truth readers have confirmed, as far as their images are still here',
    )
    .option('--days <n>', 'with --site: how far back', wholeNumber(1, 36_500), 365)
    .option(MODEL_OPTION, MODEL_HELP)
    .option(
      '--threshold <0..1>',
      'a case is positive from here (default: the one in force at this site, else the one that the network ships with)',
      share,
    )
    .option('--sensitivity <0..1>', 'name the operating point that reaches it', share)
    .option(
      '--flags-per-day <n>',
      'with --scans-per-day: name the operating point that makes no more flags',
      positiveNumber,
    )
    .option('--scans-per-day <n>', 'cervical-spine scans a day at this site', positiveNumber)
    .option('--prevalence <0..1>', 'share of this site’s scans with a fracture (default: as in the cases)', share)
    .option('--split <FILE>', 'with --part: only the cases of that part of a split')
    .option('--part <NAME>', 'for example test, or fold-1')
    .option('--seed <n>', 'of the bootstrap', wholeNumber(0, 2 ** 31 - 1), 1)
    .option(
      '--cache <DIR>',
      'where finished cases are kept (default: .evaluation in the dataset, or in the data folder)',
    )
    .option('--by <NAME>', 'who validates (default: your user name)')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--html <FILE>', 'write the report as one page with plots and pictures')
    .option(
      '--json [FILE]',
      'write {dataset, model, provider, speed, validation, record, cases, problems}; without FILE to standard output, instead of the text',
    )
    .action(async (folder: string | undefined, options: ValidateOptions, command: Command) => {
      checkOptions(command, folder, options);
      const site = loadConfig(options.config, process.env);
      const config = await withModel(site, options.model);
      const judged =
        folder === undefined
          ? await judgeSite(config, site.infer.modelDir, options)
          : await judgeFolder(folder, config, options);
      const validation = validateCases({
        cases: judged.judgement.cases,
        threshold: options.threshold ?? (await thresholdHere(config, judged.judgement)),
        imageThreshold: 0.5,
        seed: options.seed,
        wishes: wishesOf(options),
      });
      const recorded = await record(config, judged, validation, options.by ?? userInfo().username);
      await report(config, judged, validation, recorded, options);
    });
}

function checkOptions(command: Command, folder: string | undefined, options: ValidateOptions): void {
  if ((folder === undefined) !== (options.site === true))
    command.error('error: name a folder with labelled cases, or --site for the site’s own; one of the two');
  if ((options.split === undefined) !== (options.part === undefined) || (options.split !== undefined && options.site))
    command.error('error: --split and --part belong together, and to a folder');
  if (options.flagsPerDay !== undefined && options.scansPerDay === undefined)
    command.error('error: --flags-per-day needs --scans-per-day');
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('a number above 0 is wanted.');
  return value;
}

function wishesOf({ sensitivity, flagsPerDay, scansPerDay, prevalence }: ValidateOptions): Wishes {
  return {
    sensitivity: sensitivity ?? null,
    flagsPerDay: flagsPerDay ?? null,
    scansPerDay: scansPerDay ?? null,
    prevalence: prevalence ?? null,
  };
}

/** The operating point of the site where the package is active here, else the one that it ships with. */
async function thresholdHere(config: Config, { model, defaultThreshold }: CohortJudgement): Promise<number> {
  return onDatabase(
    config,
    async (store) => {
      const { wanted } = await store.modelInForce('active');
      if (wanted !== null && wanted.model?.sha256 !== model.sha256) return defaultThreshold;
      return (await store.siteThreshold(model.name))?.value ?? defaultThreshold;
    },
    () => Promise.resolve(defaultThreshold),
  );
}

async function record(config: Config, { dataset, kind, judgement }: JudgedHere, validation: Validation, by: string) {
  const { evaluation, calibration, patients, positives, negatives } = validation;
  const figures = evaluation.table3?.imbalanced.figures;
  await makeDatabase(config);
  return onDatabase(
    config,
    (store) =>
      store.recordValidation({
        model: judgement.model,
        dataset,
        kind,
        synthetic: judgement.cases.every(({ scanner }) => scanner === PHANTOM),
        by,
        cases: judgement.cases.length,
        patients,
        positives,
        negatives,
        threshold: evaluation.threshold,
        figures: {
          analysed: evaluation.analysed.share,
          sensitivity: figures?.tpr ?? null,
          specificity: figures?.tnr ?? null,
          auc: figures?.auc ?? null,
          ...calibration,
        },
      }),
    () => Promise.reject(new TriageError('database-invalid', 'The database is gone.')),
  );
}

async function report(
  config: Config,
  judged: JudgedHere,
  validation: Validation,
  recorded: ModelValidation,
  { html, json }: ValidateOptions,
): Promise<void> {
  const { judgement, dataset, kind } = judged;
  const { cases, model, provider, speed } = judgement;
  const problems = [...judged.problems];
  const facts = factsOf(judged, validation, recorded);
  const notes = notesOf(judged, validation);
  if (html !== undefined) {
    const drawn = await picturesOf(config, judged, validation);
    problems.push(...drawn.problems);
    noteProblems(drawn.problems);
    await writeReport(html, validationHtml(validation, cases, { facts, notes, pictures: drawn.pictures }));
  }
  if (json !== undefined) {
    const text = `${JSON.stringify({ dataset: { kind, name: dataset }, model, provider, speed, validation, record: recorded, cases: cases.map(withoutSlices), problems }, null, 1)}\n`;
    if (json === true) {
      process.stdout.write(text);
      return;
    }
    await writeReport(json, text);
  }
  for (const fact of facts) printLine(fact);
  printTables([...validationTables(validation), ...evaluationTables(validation.evaluation, cases)]);
  for (const line of [...notes, ...validationInShort(validation)]) printLine(line);
  printLine('Not for diagnostic use.');
}

function factsOf(
  { dataset, judgement, problems }: JudgedHere,
  validation: Validation,
  recorded: ModelValidation,
): string[] {
  const { cases, positives } = validation.evaluation.cohort;
  return [
    `Cases: ${dataset}, ${cases} of ${validation.patients} patients, ${positives} with a fracture; ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} listed`,
    networkFact(judgement),
    speedFact(judgement),
    `Recorded as validation ${recorded.id} of ${recorded.model.name} ${recorded.model.version} at this site, by ${recorded.by}, ${new Date(recorded.atMs).toISOString()}. ${recorded.suffices ? 'The package counts as validated here.' : insufficient(recorded)}`,
  ];
}

function insufficient({ synthetic, positives, negatives }: ModelValidation): string {
  return synthetic
    ? 'Phantoms say nothing of this site’s patients: the package does not count as validated here.'
    : `At least ${FEWEST_OF_A_CLASS} analysed cases with a fracture and as many without are needed, and here are ${positives} and ${negatives}: the package does not count as validated here.`;
}

/** What must be said of the site's own cases before any figure. */
function notesOf({ scans, judgement }: JudgedHere, { evaluation: { threshold } }: Validation): string[] {
  if (scans === null) return [];
  const { sensitivity, specificity } = verifiedRatesHere(scans, judgement, threshold);
  const words = ({ hits, total, estimate }: Proportion): string =>
    estimate === null
      ? `${hits} of ${total} verified, too few or too unevenly verified for a percentage`
      : `${hits} of ${total} verified, as a share of all ${percent(estimate)} %`;
  return [
    `Readers verify nearly every flagged scan and few of the others, so the tables below show too high a sensitivity and too low a specificity. Weighted by what was verified of ${scans.length} scans: sensitivity ${words(sensitivity)}; specificity ${words(specificity)}.`,
    'A case goes by the reference in the address of its page: /case/REFERENCE.',
  ];
}

function picturesOf(config: Config, { cases, judgement }: JudgedHere, { missed, falseFlags }: Validation) {
  const wrong = [...missed.slice(0, MOST_PICTURES), ...falseFlags.slice(0, MOST_PICTURES)];
  return keySlicePictures(
    wrong.map((id) => ({
      judged: judgement.cases.find((one) => one.id === id)!,
      folder: cases.find((one) => one.id === id)!.folder,
    })),
    { config, clock: systemClock, log: createLog('error') },
  );
}
