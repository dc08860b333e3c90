import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { databasePlace, dataPaths } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import type { Config } from '../config/config.ts';
import { loadModelPackage, type ModelCard } from '../infer/modelCard.ts';
import { verifyAndInstall, verifyRuns } from '../models/modelDecision.ts';
import { recalibratedCard } from '../models/recalibration.ts';
import { recalibrated, type FittedRecalibration } from '../statistics/calibration.ts';
import type { Estimate } from '../statistics/intervals.ts';
import { fitToVerdicts } from '../thresholds/verdictFit.ts';
import { placeText } from '../worklist/db/database.ts';
import { onDatabase } from './modelDatabase.ts';
import { withModel } from './modelOption.ts';
import { wholeNumber } from './numbers.ts';
import { printJson, printLine } from './output.ts';

interface Options {
  reason: string;
  days: number;
  by?: string;
  config?: string;
  json?: true;
}

const DAY_MS = 86_400_000;

/** `odontoid model recalibrate`: makes and installs a version of the active package whose probabilities fit this site's verdicts. */
export function modelRecalibrateCommand(): Command {
  return new Command('recalibrate')
    .description(
      'fit the active package’s probabilities to the readers’ verdicts of this site: a new version of it, installed and not yet active; the same scans stay flagged',
    )
    .requiredOption('--reason <TEXT>', 'why: it stays in the package and in the audit')
    .option('--days <n>', 'verdicts on scans of that many days', wholeNumber(1, 36_500), 365)
    .option('--by <NAME>', 'who decides (default: your user name)')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {model, base, intercept, slope, cases, positives, threshold: {shipped, inForce, becomes}}')
    .action(async (options: Options) => {
      const config = await withModel(loadConfig(options.config, process.env), undefined);
      const { identity: base, card } = await loadModelPackage(config.infer.modelDir);
      const fit = fitToVerdicts(await scansOf(config, base, options.days));
      const by = options.by ?? userInfo().username;
      const made = recalibratedCard(card, { base, fit, by, reason: options.reason, atMs: systemClock.now() });
      const { model, shippedThreshold } = await install(config, made);
      const threshold = await record(config, model, base, fit, { by, reason: options.reason });
      if (options.json) printJson({ model, base, ...fit, threshold: { shipped: shippedThreshold, ...threshold } });
      else tell(model, fit, threshold);
    });
}

async function scansOf(config: Config, { sha256 }: ModelIdentity, days: number) {
  const { scans } = await onDatabase(
    config,
    (store) => store.siteCases(sha256, systemClock.now() - days * DAY_MS),
    () =>
      Promise.reject(
        new TriageError(
          'not-found',
          `There is no database at ${placeText(databasePlace(config))}: no case was ever received.`,
        ),
      ),
  );
  return scans;
}

async function install(config: Config, card: ModelCard) {
  const scratch = await mkdtemp(path.join(tmpdir(), 'odontoid-recalibrated-'));
  try {
    for (const { path: file } of Object.values(card.files))
      await cp(path.join(config.infer.modelDir, file), path.join(scratch, file));
    await writeFile(path.join(scratch, 'model.json'), `${JSON.stringify(card, null, 2)}\n`);
    return await verifyAndInstall(scratch, dataPaths(config).models, (dir) => verifyRuns(dir, config.infer));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Puts the act into the audit. Returns the site's threshold, and what it is on the new scale; null where the site has none of its own. */
async function record(
  config: Config,
  model: ModelIdentity,
  base: ModelIdentity,
  fit: FittedRecalibration,
  act: { by: string; reason: string },
): Promise<{ inForce: number | null; becomes: number | null }> {
  const [intercept, slope] = [fit.intercept.value, fit.slope.value];
  return onDatabase(
    config,
    async (store) => {
      await store.recordRecalibration({ model, base, intercept, slope, cases: fit.cases, ...act });
      const inForce = (await store.siteThreshold(model.name))?.value ?? null;
      return { inForce, becomes: inForce === null ? null : recalibrated(inForce, { intercept, slope }) };
    },
    () => Promise.reject(new TriageError('database-invalid', 'The database is gone.')),
  );
}

function tell(
  { name, version }: ModelIdentity,
  { intercept, slope, cases, positives }: FittedRecalibration,
  { inForce, becomes }: { inForce: number | null; becomes: number | null },
): void {
  printLine(`${name}@${version} installed, fitted to ${cases} verdicts (${positives} fractures).`);
  printLine(`Intercept ${show(intercept)}, slope ${show(slope)} on the logit scale; 0 and 1 would change nothing.`);
  if (inForce !== null && becomes !== null)
    printLine(`The threshold in force, ${inForce}, becomes ${becomes.toFixed(4)}: the same scans stay flagged.`);
  printLine(
    `It judges nothing yet. Take it into use with: odontoid model activate ${name}@${version} --reason TEXT${becomes === null ? '' : ` --threshold ${becomes.toFixed(4)}`}`,
  );
}

function show({ value, low, high }: Estimate): string {
  return `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}
