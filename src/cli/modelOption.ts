import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelPlaces } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { findModelPackages, installedPackageDir, pickModelPackage } from '../infer/modelPackages.ts';
import { modelsWanted } from './modelDatabase.ts';
import { note } from './output.ts';

export const MODEL_OPTION = '--model <NAME[@VERSION]|DIR>';
export const MODEL_HELP =
  'model package (default: the one that is active at this site, else the one of the configuration)';

/**
 * The configuration with the package that a command judges by: the one that `--model` names, else the active one, as `serve` uses it. Says so on standard error
 * where that is not the configured one.
 *
 * @throws TriageError `not-found`, `command-invalid`
 */
export async function withModel(config: Config, wanted: string | undefined): Promise<Config> {
  const modelDir = wanted === undefined ? await activeDir(config) : await namedModelDir(config, wanted);
  return { ...config, infer: { ...config.infer, modelDir } };
}

async function activeDir(config: Config): Promise<string> {
  const model = (await modelsWanted(config)).active.wanted?.model ?? null;
  if (model === null) return config.infer.modelDir;
  note(`Network: ${model.name}@${model.version}, which is active here.`);
  return installedPackageDir(modelPlaces(config).installedDir, model);
}

/** The folder of a package that is named by NAME, NAME@VERSION or its folder. @throws TriageError `not-found`, `command-invalid` */
export async function namedModelDir(config: Config, wanted: string): Promise<string> {
  if (wanted.includes('/') || existsSync(join(wanted, 'model.json'))) return resolve(wanted);
  return pickModelPackage(await findModelPackages(modelPlaces(config)), wanted).dir;
}
