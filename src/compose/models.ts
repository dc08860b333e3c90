import type { TriageModel } from '../case/triageModel.ts';
import { TriageError } from '../base/errors.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { installedPackageDir } from '../infer/modelPackages.ts';
import { createModelServing, type ModelServing, type WantedModel } from '../infer/modelServing.ts';
import { createModelAdministration } from '../models/createModelAdministration.ts';
import { verifyRuns } from '../models/modelDecision.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { ModelActivation } from '../answers/modelAnswers.ts';
import type { ModelRole } from '../worklist/models/modelActivations.ts';
import type { Foundation } from './agentPorts.ts';
import { dataPaths, modelPlaces } from './places.ts';

/** The shadow's process has a lower priority than the active one's. */
const SHADOW_NICENESS = 5;
const LOWEST_PRIORITY = 19;

interface WantedPackage extends WantedModel {
  dir: string;
  /** Null for the configured package, as long as none was ever activated. */
  activation: ModelActivation | null;
}

/**
 * Keeps a role's network as the database demands; until somebody activates a package, the configured one is active. A node that does not infer only decodes
 * pictures with it: that it is loaded there puts nothing into use.
 */
export function serveModel(role: ModelRole, { config, roles, store, ports: { clock, log } }: Foundation): ModelServing {
  const infers = roles.has('infer');
  const component = role === 'active' ? 'inference' : 'shadow';
  const installedDir = dataPaths(config).models;
  const configured: WantedPackage | null =
    role === 'active' ? { key: 'configured', identity: null, dir: config.infer.modelDir, activation: null } : null;
  const packageOf = (activation: ModelActivation | null): WantedPackage | null => {
    if (activation === null) return configured;
    const { id, model } = activation;
    return model === null
      ? null
      : { key: `activation ${id}`, identity: model, dir: installedPackageDir(installedDir, model), activation };
  };
  return createModelServing<WantedPackage>({
    wanted: async () => packageOf((await store.modelInForce(role)).wanted),
    // If a package that has served is damaged now, do not go back to the one that was replaced on purpose: studies wait, visibly.
    fallback: async ({ activation }) =>
      activation === null || activation.inUseAtMs !== null || role === 'shadow'
        ? null
        : packageOf((await store.modelInForce(role)).lastInUse),
    load: async ({ dir, identity }) => {
      const niceness =
        role === 'active' ? config.infer.niceness : Math.min(LOWEST_PRIORITY, config.infer.niceness + SHADOW_NICENESS);
      const model = await startInferenceProcess({
        ...config.infer,
        modelDir: dir,
        niceness,
        clock,
        log: log.child({ component }),
      });
      if (identity === null || identity.sha256 === model.identity.sha256) return model;
      await model.close();
      throw new TriageError(
        'model-tampered',
        `The package in ${dir} is not the one that was activated. Install it again from where you got it.`,
      );
    },
    taken: async ({ activation }, model) => {
      if (!infers) return;
      if (activation !== null) await store.noteModelInUse(activation, model.defaultThreshold);
      if (role === 'active') await store.seedThreshold(model.identity.name, model.defaultThreshold);
    },
    failed: async ({ activation }, failure) => {
      if (infers && activation !== null) await store.noteModelFailed(activation, failure);
    },
    clock,
    log: log.child({ component }),
  });
}

export async function shadowStatus(shadow: ModelServing | null, store: WorklistStore): Promise<SystemStatus['shadow']> {
  if (shadow === null) return null;
  const model = shadow.model();
  if (model === null && shadow.error() === null) return null;
  return {
    model: model === null ? null : { ...model.identity },
    error: shadow.error(),
    toScore: model === null ? 0 : await store.countForShadow(model.identity.sha256),
  };
}

/** Decodes stored slices with whichever network is loaded; none of a node that has none. */
export function sliceDecoder(
  network: Pick<ModelServing, 'lease'> | null,
): Pick<TriageModel, 'decodeSlice' | 'decodeLines'> {
  const withNetwork = async <T>(use: (model: TriageModel) => Promise<T>): Promise<T> => {
    const lease = network?.lease() ?? null;
    if (lease === null) throw new TriageError('inference-died', 'No network is loaded that could decode slices.');
    try {
      return await use(lease.model);
    } finally {
      lease.release();
    }
  };
  return {
    decodeSlice: (path, frameNumber) => withNetwork((model) => model.decodeSlice(path, frameNumber)),
    decodeLines: (images, line) => withNetwork((model) => model.decodeLines(images, line)),
  };
}

/** What the models page shows and decides. */
export function modelAdministration({ config, store, ports: { clock } }: Foundation, roles: readonly ModelServing[]) {
  return createModelAdministration({
    places: modelPlaces(config),
    store,
    // The check of a new package must not slow down the active one.
    verify: (dir) => verifyRuns(dir, { ...config.infer, niceness: LOWEST_PRIORITY }),
    serving: () => roles.flatMap((role) => role.model()?.identity ?? []),
    uploads: { mostBytes: config.web.modelUploadMaxBytes, keepFreeBytes: config.receive.minFreeBytes },
    onDecided: () => {
      for (const role of roles) role.look().catch(() => undefined);
    },
    clock,
  });
}
