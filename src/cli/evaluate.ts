import { Command } from 'commander';
import { loadConfig } from '../config/configFile.ts';
import { evaluateCases, type Evaluation } from '../evaluate/evaluation.ts';
import { evaluationHtml, evaluationInShort } from '../evaluate/evaluationReport.ts';
import { evaluationTables } from '../evaluate/reportTables.ts';
import type { TestScores } from '../infer/testScores.ts';
import type { CohortJudgement } from '../cohort/evaluateCohort.ts';
import {
  judgeDataset,
  nameOf,
  networkFact,
  partOrNothing,
  speedFact,
  withoutSlices,
  type JudgeOptions,
} from './judgeDataset.ts';
import { MODEL_HELP, MODEL_OPTION, withModel } from './modelOption.ts';
import { share, wholeNumber } from './numbers.ts';
import { printLine, printTables } from './output.ts';
import { writeReport } from './writeReport.ts';

interface EvaluateOptions extends JudgeOptions {
  model?: string;
  threshold?: number;
  imageThreshold: number;
  seed: number;
  config?: string;
  html?: string;
  json?: string | true;
  testScores?: string;
  testOf: string;
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
    .option(
      '--test-scores <FILE>',
      'write the score of each case, for testScores.json in the package: the threshold page then says what a change would lose of this test',
    )
    .option('--test-of <WORDS>', 'with --test-scores: what the cases are', 'cases')
    .action(async (folder: string, options: EvaluateOptions, command: Command) => {
      partOrNothing(command, options);
      const config = await withModel(loadConfig(options.config, process.env), options.model);
      const { dataset, judgement, problems } = await judgeDataset(folder, config, options);
      const evaluation = evaluateCases({
        cases: judgement.cases,
        threshold: options.threshold ?? judgement.defaultThreshold,
        imageThreshold: options.imageThreshold,
        seed: options.seed,
      });
      const facts = factsOf(nameOf(folder, options), evaluation, judgement, problems.length);
      if (options.html !== undefined)
        await writeReport(options.html, evaluationHtml(evaluation, judgement.cases, facts));
      if (options.testScores !== undefined)
        await writeReport(options.testScores, `${JSON.stringify(testScoresOf(judgement, options.testOf), null, 1)}\n`);
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

function factsOf(name: string, { cohort, seed }: Evaluation, judgement: CohortJudgement, problems: number): string[] {
  return [
    `Cohort: ${name}, ${cohort.cases} cases, ${cohort.positives} positive; ${cohort.images} analysed images, ${cohort.positiveImages} positive; ${problems} ${problems === 1 ? 'problem' : 'problems'} listed`,
    `${networkFact(judgement)}; seed of the draws ${seed}`,
    speedFact(judgement),
  ];
}

/** Ascending, so that the file tells no order of cases. */
function testScoresOf({ model, cases }: CohortJudgement, of: string): TestScores {
  const scoresWhere = (hasFracture: boolean) =>
    cases
      .flatMap(({ label, probability }) => (label === hasFracture && probability !== null ? [probability] : []))
      .sort((a, b) => a - b);
  return { of, modelSha256: model.sha256, fractures: scoresWhere(true), others: scoresWhere(false) };
}
