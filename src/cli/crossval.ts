import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { TriageError } from '../base/errors.ts';
import { crossValidate } from '../evaluate/crossValidation.ts';
import {
  crossValidationHtml,
  crossValidationInShort,
  crossValidationTables,
} from '../evaluate/crossValidationReport.ts';
import { parseFoldResults } from '../evaluate/foldResults.ts';
import { share, wholeNumber } from './numbers.ts';
import { printLine, printTables } from './output.ts';
import { writeReport } from './writeReport.ts';

interface CrossvalOptions {
  baseline: string;
  threshold?: number;
  partial?: true;
  seed: number;
  html?: string;
  json?: string | true;
}

/** `odontoid crossval DIR`: the paper's Tables 2 and 3 from the results of folds, and what other recipes gain or lose. */
export function crossvalCommand(): Command {
  return new Command('crossval')
    .argument('<DIR>', 'folder with a JSON file for each fold, variant and width')
    .option('--baseline <VARIANT>', 'what the others are measured against', 'paper')
    .option(
      '--threshold <0..1>',
      'for all folds (default: the one with the highest mean of TPR and TNR on the validation cases of each fold)',
      share,
    )
    .option('--partial', 'take the folds that are there')
    .option('--seed <n>', 'of the balanced draws and of the bootstrap', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--html <FILE>', 'write the report as one page')
    .option(
      '--json [FILE]',
      'write {folds, cases, positives, baseline, threshold, seed, commands, missing, table2, table3, improvements, notCompared}; without FILE to standard output, instead of the text',
    )
    .action(async (folder: string, options: CrossvalOptions) => {
      const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
        throw new TriageError('not-found', `${folder} is not a folder.`, { cause: error });
      });
      const files = names.filter((name) => name.endsWith('.json')).sort();
      if (files.length === 0)
        throw new TriageError('not-found', `${folder} holds no fold results (*.json). training/crossval writes them.`);
      const results = await Promise.all(
        files.map(async (name) => parseFoldResults(await readFile(path.join(folder, name), 'utf8'), name)),
      );
      const result = crossValidate({
        results,
        baseline: options.baseline,
        threshold: options.threshold,
        partial: options.partial ?? false,
        seed: options.seed,
      });
      if (options.html !== undefined) await writeReport(options.html, crossValidationHtml(result));
      if (options.json !== undefined) {
        const text = `${JSON.stringify(result, null, 1)}\n`;
        if (options.json === true) {
          process.stdout.write(text);
          return;
        }
        await writeReport(options.json, text);
      }
      printTables(crossValidationTables(result));
      for (const line of crossValidationInShort(result)) printLine(line);
      printLine('Not for diagnostic use.');
    });
}
