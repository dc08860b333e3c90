import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { readDataset } from '../dataset/readDataset.ts';
import { splitByPatient } from '../dataset/splits.ts';
import { TriageError } from '../base/errors.ts';
import { noteProblems } from './datasetProblems.ts';
import { wholeNumber } from './numbers.ts';
import { printJson, printLine, table } from './output.ts';

/** `odontoid split DIR`: splits a labelled dataset by patient, stratified, and stores the parts in a file. */
export function splitCommand(): Command {
  return new Command('split')
    .argument(
      '<DIR>',
      'a labelled dataset (docs/evaluation.md): a phantom cohort, a public release, or a folder with cases.csv',
    )
    .requiredOption('--out <FILE>', 'JSON file that keeps the parts')
    .option('--folds <n>', 'that many folds (the paper’s: 7)', wholeNumber(2, 100))
    .option('--shares <list>', 'train, validation and test instead of folds, for example 70,10,20')
    .option('--seed <n>', 'the same seed gives the same parts', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--json', 'print {out, parts: {NAME: {cases, positives}}, problems}')
    .action(
      async (
        folder: string,
        options: { out: string; folds?: number; shares?: string; seed: number; json?: true },
        command: Command,
      ) => {
        if (options.folds !== undefined && options.shares !== undefined)
          command.error('error: --folds or --shares, not both');
        const shares = options.shares === undefined ? folds(options.folds ?? 7) : sharesOf(options.shares);
        const dataset = await readDataset(folder);
        const split = splitByPatient(dataset.cases, shares, options.seed);
        await writeFile(options.out, `${JSON.stringify(split, null, 1)}\n`);
        const positive = new Set(dataset.cases.filter(({ label }) => label).map(({ id }) => id));
        const parts = Object.entries(split.parts).map(
          ([name, ids]) =>
            [name, { cases: ids.length, positives: ids.filter((id) => positive.has(id)).length }] as const,
        );
        if (options.json) printJson({ out: options.out, parts: Object.fromEntries(parts), problems: dataset.problems });
        else {
          noteProblems(dataset.problems);
          printLine(
            table(
              ['part', 'cases', 'positive'],
              parts.map(([name, { cases, positives }]) => [name, String(cases), String(positives)]),
            ),
          );
        }
      },
    );
}

function folds(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, k) => [`fold-${k + 1}`, 1]));
}

function sharesOf(text: string): Record<string, number> {
  const [train, validation, test, ...rest] = text.split(',').map(Number);
  const shares = { train: train ?? Number.NaN, validation: validation ?? Number.NaN, test: test ?? Number.NaN };
  if (
    rest.length > 0 ||
    Object.values(shares).some((share) => !(share >= 0)) ||
    shares.train + shares.validation + shares.test === 0
  ) {
    throw new TriageError(
      'command-invalid',
      `--shares ${text}: three numbers are wanted, train,validation,test, for example 70,10,20.`,
    );
  }
  return shares;
}
