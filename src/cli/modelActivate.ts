import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.ts';
import { dataPaths, modelPlaces } from '../compose.ts';
import { loadConfig } from '../configFile.ts';
import { TriageError } from '../errors.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import { findModelPackages, installModelPackage, pickModelPackage } from '../infer/modelPackages.ts';
import type { ModelIdentity } from '../ports.ts';
import type { WorklistStore } from '../worklist/caseStore.ts';
import type { ModelActivation, ModelRole } from '../worklist/modelActivations.ts';
import { EXIT } from './exit.ts';
import { makeDatabase, onDatabase } from './modelDatabase.ts';
import { verifyRuns } from './modelVerify.ts';
import { printJson, printLine } from './output.ts';

type ThresholdChoice = 'keep' | 'default' | number;

interface Options {
  reason: string;
  shadow?: true;
  by?: string;
  threshold?: ThresholdChoice;
  wait: number;
  config?: string;
  json?: true;
}

const LOOK_MS = 200;

function thresholdChoice(text: string): ThresholdChoice {
  if (text === 'keep' || text === 'default') return text;
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('"keep", "default" or a number from 0 to 1 is wanted.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 3_600)) throw new InvalidArgumentError('a number of seconds from 0 to 3600 is wanted.');
  return value;
}

/** `odontoid model activate`: writes the decision down; a running agent follows within seconds, another at its next start. */
export function modelActivateCommand(): Command {
  return new Command('activate')
    .description('let a package judge new cases (or, with --shadow, score them beside the active one); a running agent follows without a restart')
    .argument('<NAME[@VERSION]|none>', 'a package of "odontoid model list"; "none" ends the shadow')
    .requiredOption('--reason <TEXT>', 'why: it stays on record')
    .option('--shadow', 'score the same cases, send nothing, change no rank')
    .addOption(new Option('--threshold <keep|default|0..1>', 'operating point from then on: the one in force, the one the package ships with, or a number').argParser(thresholdChoice))
    .option('--by <NAME>', 'who decides (default: your user name)')
    .option('--wait <SECONDS>', 'wait this long for the agent to take it into use; exit 1 when it has not', seconds, 0)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print the activation {id, role, model, threshold, reason, atMs, by, inUseAtMs, failure}')
    .action(async (wanted: string, options: Options) => {
      const config = loadConfig(options.config, process.env);
      const role: ModelRole = options.shadow ? 'shadow' : 'active';
      let model: ModelIdentity | null = null;
      let shipped = 0;
      if (wanted !== 'none' || role === 'active') {
        const picked = pickModelPackage(await findModelPackages(modelPlaces(config)), wanted);
        await verifyRuns(picked.dir, config);
        // A package that judges lies in the data folder, where no update of this software replaces it.
        await installModelPackage(await loadModelPackage(picked.dir), dataPaths(config).models);
        model = picked.identity;
        shipped = picked.defaultThreshold;
      }
      if (!existsSync(dataPaths(config).database)) await makeDatabase(config);
      const activation = await onDatabase(
        config,
        async (store) => {
          const threshold = model === null || role === 'shadow' ? null : await thresholdOf(store, model, shipped, options.threshold);
          const decided = await store.activateModel({ role, model, threshold, reason: options.reason, by: options.by ?? userInfo().username });
          return options.wait > 0 && model !== null ? answered(store, decided, options.wait) : decided;
        },
        () => Promise.reject(new TriageError('database-invalid', 'The database is gone.')),
      );
      if (options.json) printJson(activation);
      else printLine(text(activation));
      if (activation.failure !== null || (options.wait > 0 && model !== null && activation.inUseAtMs === null)) process.exitCode = EXIT.failed;
    });
}

/**
 * A score means something else to each version, so a new one brings its own operating point; one that somebody at the site has chosen is not dropped, nor
 * carried over, without a word. Null keeps what is in force.
 */
async function thresholdOf(store: WorklistStore, model: ModelIdentity, shipped: number, choice: ThresholdChoice | undefined): Promise<number | null> {
  if (choice === 'keep') return null;
  if (typeof choice === 'number') return choice;
  const inForce = await store.siteThreshold(model.name);
  if (choice === undefined && inForce !== null && ((inForce.isSites && inForce.value !== shipped) || inForce.ownSources.length > 0)) {
    const sources = inForce.ownSources.length === 0 ? '' : ` and others for ${inForce.ownSources.join(', ')}`;
    throw new TriageError(
      'command-invalid',
      `The site has an operating point for ${model.name}, ${inForce.value}${sources}; this package ships with ${shipped}. Say which is to hold: --threshold keep, --threshold default, or a number (the last two for every source).`,
    );
  }
  return shipped;
}

/** The activation when the agent has answered, or when the time is over. */
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

function text({ role, model, threshold, reason, by, inUseAtMs, failure }: ModelActivation): string {
  if (model === null) return `There is no shadow package from now on (${by}: ${reason}).`;
  const what = `${model.name}@${model.version} (${model.sha256.slice(0, 12)})`;
  const how = role === 'shadow' ? 'the shadow package' : `active, ${threshold === null ? 'with the operating point in force' : `from ${threshold.toFixed(3)} on it flags`}`;
  if (failure !== null) return `${what} is to be ${how}, but the agent could not load it: ${failure}`;
  return `${what} is ${how} (${by}: ${reason}). ${inUseAtMs === null ? 'A running agent follows within seconds, another at its next start.' : 'The agent has it in use.'}`;
}
