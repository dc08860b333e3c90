import { userInfo } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { dataPaths, modelPlaces } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { TriageError } from '../base/errors.ts';
import { findModelPackages, pickModelPackage } from '../infer/modelPackages.ts';
import {
  operatingPointOf,
  secondSignature,
  verifyAndInstall,
  verifyRuns,
  type ThresholdChoice,
} from '../models/modelDecision.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { ModelActivation } from '../answers/modelAnswers.ts';
import type { ModelRole } from '../worklist/models/modelActivations.ts';
import { EXIT } from './exit.ts';
import { makeDatabase, onDatabase } from './modelDatabase.ts';
import { printJson, printLine } from './output.ts';

interface Options {
  reason: string;
  shadow?: true;
  by?: string;
  second?: string;
  threshold?: ThresholdChoice;
  wait: number;
  config?: string;
  json?: true;
}

const LOOK_MS = 200;

function thresholdChoice(text: string): ThresholdChoice {
  if (text === 'keep' || text === 'default') return text;
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('"keep", "default" or a number from 0 to 1 is wanted.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 3_600))
    throw new InvalidArgumentError('a number of seconds from 0 to 3600 is wanted.');
  return value;
}

/** `odontoid model activate`: records the decision; a running agent follows within seconds, otherwise the next start does. */
export function modelActivateCommand(): Command {
  return new Command('activate')
    .description(
      'let a package judge new cases (or, with --shadow, score them beside the active one); a running agent follows without a restart',
    )
    .argument('<NAME[@VERSION]|none>', 'a package of "odontoid model list"; "none" ends the shadow')
    .requiredOption('--reason <TEXT>', 'why: it stays on record')
    .option('--shadow', 'score the same cases, send nothing, change no rank')
    .addOption(
      new Option(
        '--threshold <keep|default|0..1>',
        'operating point from then on: the one in force, the one the package ships with, or a number',
      ).argParser(thresholdChoice),
    )
    .option('--by <NAME>', 'who decides (default: your user name)')
    .option('--second <NAME>', 'who signs too: wanted for a package that was never validated at this site')
    .option('--wait <SECONDS>', 'wait this long for the agent to take it into use; exit 1 when it has not', seconds, 0)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option(
      '--json',
      'print the activation {id, role, model, threshold, reason, atMs, by, approvedBy, inUseAtMs, failure}',
    )
    .action(async (wanted: string, options: Options) => {
      const config = loadConfig(options.config, process.env);
      const role: ModelRole = options.shadow ? 'shadow' : 'active';
      let model: ModelIdentity | null = null;
      let shipped = 0;
      if (wanted !== 'none' || role === 'active') {
        const picked = pickModelPackage(await findModelPackages(modelPlaces(config)), wanted);
        ({ model, shippedThreshold: shipped } = await verifyAndInstall(picked.dir, dataPaths(config).models, (dir) =>
          verifyRuns(dir, config.infer),
        ));
      }
      await makeDatabase(config);
      const activation = await onDatabase(
        config,
        async (store) => {
          const threshold =
            model === null || role === 'shadow'
              ? null
              : await operatingPointOf(store, model, shipped, options.threshold);
          const by = options.by ?? userInfo().username;
          const approvedBy =
            model === null || role === 'shadow'
              ? null
              : await secondSignature(store, model, by, options.second ?? null);
          const decided = await store.activateModel({
            role,
            model,
            threshold,
            reason: options.reason,
            by,
            approvedBy,
          });
          return options.wait > 0 && model !== null ? answered(store, decided, options.wait) : decided;
        },
        () => Promise.reject(new TriageError('database-invalid', 'The database is gone.')),
      );
      if (options.json) printJson(activation);
      else printLine(text(activation));
      if (activation.failure !== null || (options.wait > 0 && model !== null && activation.inUseAtMs === null))
        process.exitCode = EXIT.failed;
    });
}

/** The activation once the agent has answered, or when the time is over. */
async function answered(store: WorklistStore, decided: ModelActivation, waitSeconds: number): Promise<ModelActivation> {
  const untilMs = systemClock.monotonicMs() + waitSeconds * 1000;
  for (;;) {
    const { wanted } = await store.modelInForce(decided.role);
    const isOver = systemClock.monotonicMs() >= untilMs;
    if (wanted?.id !== decided.id) return decided;
    if (wanted.inUseAtMs !== null || wanted.failure !== null || isOver) return wanted;
    await systemClock.sleep(LOOK_MS);
  }
}

function text({ role, model, threshold, reason, by, approvedBy, inUseAtMs, failure }: ModelActivation): string {
  if (model === null) return `There is no shadow package from now on (${by}: ${reason}).`;
  const what = `${model.name}@${model.version} (${model.sha256.slice(0, 12)})`;
  const how =
    role === 'shadow'
      ? 'the shadow package'
      : `active, ${threshold === null ? 'with the operating point in force' : `from ${threshold.toFixed(3)} on it flags`}`;
  if (failure !== null) return `${what} is to be ${how}, but the agent could not load it: ${failure}`;
  return `${what} is ${how} (${by}${approvedBy === null ? '' : `, with ${approvedBy}`}: ${reason}). ${inUseAtMs === null ? 'A running agent follows within seconds, another at its next start.' : 'The agent has it in use.'}`;
}
