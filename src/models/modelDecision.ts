import type { ThresholdQuestion } from '../answers/modelAnswers.ts';
import { systemClock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { TriageError } from '../base/errors.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import { installModelPackage } from '../infer/modelPackages.ts';
import { createLog } from '../base/log.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';

/** The rules by which a package becomes active or a shadow; the command line and the page share them. */

/** Operating point from then on: keep the one in force, use the one that the package ships with, or a number from 0 to 1. */
export type ThresholdChoice = 'keep' | 'default' | number;

/** Loads the package in a child process, as the agent does, and says on which provider its golden case agreed. @throws TriageError what is wrong */
export async function verifyRuns(dir: string, infer: Config['infer']): Promise<string> {
  const model = await startInferenceProcess({ ...infer, modelDir: dir, clock: systemClock, log: createLog('silent') });
  try {
    return model.provider;
  } finally {
    await model.close();
  }
}

/**
 * Checks a package as the agent does and copies it into the data folder, where an update of this software does not replace it.
 *
 * @throws TriageError what is wrong with it, `model-conflict`
 */
export async function verifyAndInstall(
  dir: string,
  installedDir: string,
  verify: (dir: string) => Promise<unknown>,
): Promise<{ model: ModelIdentity; shippedThreshold: number; wasThere: boolean; dir: string }> {
  await verify(dir);
  const source = await loadModelPackage(dir);
  return {
    model: source.identity,
    shippedThreshold: source.defaultThreshold,
    ...(await installModelPackage(source, installedDir)),
  };
}

/**
 * Who signs beside the person who activates a package; null where it was validated at this site, and nobody has to.
 *
 * @throws TriageError `second-signature` when nobody does, `command-invalid` when it is the same person
 */
export async function secondSignature(
  store: Pick<WorklistStore, 'validationsOf'>,
  { name, version, sha256 }: ModelIdentity,
  by: string,
  second: string | null,
): Promise<string | null> {
  if ((await store.validationsOf(sha256)).some(({ suffices }) => suffices)) return null;
  const signer = second?.trim() ?? '';
  if (signer === '')
    throw new TriageError(
      'second-signature',
      `${name}@${version} was never validated at this site. Measure it on the site’s own scans first (odontoid validate), or let a second person sign for its activation (--second NAME on the command line).`,
    );
  if (signer.toLowerCase() === by.trim().toLowerCase())
    throw new TriageError(
      'command-invalid',
      `${signer} activates the package already: the second signature is another person’s.`,
    );
  return signer;
}

/** What somebody must decide explicitly before a version of this name comes into use; null when none of the site's settings would be lost. */
export async function thresholdQuestion(
  store: Pick<WorklistStore, 'siteThreshold'>,
  modelName: string,
  shippedThreshold: number,
): Promise<ThresholdQuestion | null> {
  const inForce = await store.siteThreshold(modelName);
  if (inForce === null || !((inForce.isSites && inForce.value !== shippedThreshold) || inForce.ownSources.length > 0))
    return null;
  return { inForce: inForce.value, ownSources: inForce.ownSources };
}

/**
 * Scores of different versions are not comparable, so a new version brings its own operating point. One that somebody at the site has chosen is neither dropped
 * nor carried over without an explicit decision. Null keeps what is in force.
 *
 * @throws TriageError `threshold-unsaid`
 */
export async function operatingPointOf(
  store: Pick<WorklistStore, 'siteThreshold'>,
  { name }: ModelIdentity,
  shippedThreshold: number,
  choice: ThresholdChoice | undefined,
): Promise<number | null> {
  if (choice === 'keep') return null;
  if (typeof choice === 'number') return choice;
  const question = choice === undefined ? await thresholdQuestion(store, name, shippedThreshold) : null;
  if (question === null) return shippedThreshold;
  const sources = question.ownSources.length === 0 ? '' : ` and others for ${question.ownSources.join(', ')}`;
  throw new TriageError(
    'threshold-unsaid',
    `The site has an operating point for ${name}, ${question.inForce}${sources}; this package ships with ${shippedThreshold}. Say which is to hold: keep, default, or a number (--threshold on the command line; the last two for every source).`,
  );
}
