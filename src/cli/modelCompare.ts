import { Command } from 'commander';
import type { AgainstReaders, ModelComparison } from '../answers/modelAnswers.ts';
import { compareModels } from '../models/compareModels.ts';
import { modelPlaces } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { TriageError } from '../base/errors.ts';
import { findModelPackages, pickModelPackage } from '../infer/modelPackages.ts';
import type { Estimate } from '../statistics/intervals.ts';
import { modelsWanted, onDatabase } from './modelDatabase.ts';
import { printJson, printLine, table } from './output.ts';

/** `odontoid model compare`: the active package and a shadow on the site's own cases. */
export function modelCompareCommand(): Command {
  return new Command('compare')
    .description(
      'compare the active package with a shadow on the site’s own cases: agreement, flips, scores, refusals, seconds',
    )
    .option('--shadow <NAME[@VERSION]>', 'the package to compare with (default: the shadow of now)')
    .option('--active <NAME[@VERSION]>', 'whose reported results count (default: the active package of now)')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print the comparison (docs/command-line.md has its shape)')
    .action(async (options: { shadow?: string; active?: string; config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      const found = await findModelPackages(modelPlaces(config));
      const wanted = await modelsWanted(config);
      const shadow =
        options.shadow === undefined ? wanted.shadow.wanted?.model : pickModelPackage(found, options.shadow).identity;
      const active =
        options.active === undefined
          ? (wanted.active.wanted?.model ?? found.find(({ dir }) => dir === config.infer.modelDir)?.identity)
          : pickModelPackage(found, options.active).identity;
      if (shadow == null)
        throw new TriageError(
          'not-found',
          'There is no shadow package to compare with. Name one with: odontoid model activate NAME@VERSION --shadow --reason TEXT',
        );
      if (active == null)
        throw new TriageError(
          'not-found',
          'The active package is not on this machine: name one with --active NAME@VERSION.',
        );
      const rows = await onDatabase(
        config,
        (store) => store.shadowScores(shadow.sha256),
        () => Promise.resolve([]),
      );
      const comparison = compareModels(active, shadow, rows);
      if (options.json) printJson(comparison);
      else printComparison(comparison);
    });
}

const MOST_LISTED = 50;
const show = (value: number | null, digits = 3): string => (value === null ? '-' : value.toFixed(digits));

function printComparison(comparison: ModelComparison): void {
  const { active, shadow, agreement, scores, decisions, flips, failures, notAnalysed, readers, secondsPerCase } =
    comparison;
  printLine(`Active  ${active.name}@${active.version} (${active.sha256.slice(0, 12)})`);
  printLine(`Shadow  ${shadow.name}@${shadow.version} (${shadow.sha256.slice(0, 12)})`);
  printLine(
    `Cases   ${comparison.cases} scored by both${comparison.byEarlierPackages === 0 ? '' : `; ${comparison.byEarlierPackages} more were judged by an earlier active package and are left out`}`,
  );
  if (comparison.cases === 0) {
    printLine('Nothing to compare yet: the shadow scores a case when the active package has finished with it.');
    return;
  }
  printLine();
  printLine(
    table(
      ['active \\ shadow', ...Object.keys(decisions)],
      Object.entries(decisions).map(([first, row]) => [first, ...Object.values(row).map(String)]),
    ),
  );
  printLine();
  printLine(
    `Agreement, each at its own operating point: ${estimate(agreement.share)} on ${agreement.cases} cases; kappa ${show(agreement.kappa)}`,
  );
  printLine(
    `Scores: Pearson ${show(scores.pearson)}, Spearman ${show(scores.spearman)}; shadow minus active ${show(scores.meanDifference)} ± ${show(scores.standardDeviation)}, at the most ${show(scores.largestDifference)}`,
  );
  printLine(
    readers.positives + readers.negatives === 0
      ? 'By the readers: no verdicts on these cases yet'
      : `By the readers (${readers.positives} with, ${readers.negatives} without a fracture): ${against('active', readers.active)}; ${against('shadow', readers.shadow)}`,
  );
  printLine(`Not analysed: active ${counts(notAnalysed.active)}; shadow ${counts(notAnalysed.shadow)}`);
  printLine(
    `Seconds a case (median): active ${show(secondsPerCase.active, 1)} after the last slice, shadow ${show(secondsPerCase.shadow, 1)} for all of it`,
  );
  if (flips.length > 0) {
    printLine();
    printLine(
      table(
        ['study', 'active', 'prob.', 'shadow', 'prob.'],
        flips
          .slice(0, MOST_LISTED)
          .map((flip) => [
            flip.studyInstanceUid,
            flip.active.decision,
            show(flip.active.probability),
            flip.shadow.decision,
            show(flip.shadow.probability),
          ]),
      ),
    );
    if (flips.length > MOST_LISTED) printLine(`... and ${flips.length - MOST_LISTED} more (--json has all)`);
  }
  for (const { studyInstanceUid, failure } of failures)
    printLine(`The shadow could not score ${studyInstanceUid}: ${failure}`);
  printLine();
  printLine('Agreement is not truth: where the two differ, a reader decides. Not for diagnostic use.');
}

function estimate(found: Estimate | null): string {
  return found === null ? '-' : `${show(found.value)} (95 % ${show(found.low)} to ${show(found.high)})`;
}

function against(who: string, { sensitivity, specificity, auc }: AgainstReaders): string {
  return `${who} sensitivity ${estimate(sensitivity)}, specificity ${estimate(specificity)}, AUC ${estimate(auc)}`;
}

function counts(reasons: Record<string, number>): string {
  const all = Object.entries(reasons);
  return all.length === 0 ? 'none' : all.map(([code, count]) => `${count} ${code}`).join(', ');
}
