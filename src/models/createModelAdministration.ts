import path from 'node:path';
import type { ModelBoard, ModelValidation } from '../answers/modelAnswers.ts';
import { compareModels } from './compareModels.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { readTestScores } from '../infer/testScores.ts';
import { summaryOfCard } from '../infer/modelCardSummary.ts';
import type { FoundPackage } from '../infer/modelPackages.ts';
import { modelUse } from './modelUse.ts';
import { createPackageRegistry, type PackageRegistry } from './packageRegistry.ts';
import { oneAtATime } from './oneAtATime.ts';
import { createPackageInstaller, type PackageInstallerOptions } from './packageInstaller.ts';
import { operatingPointOf, secondSignature, thresholdQuestion, verifyAndInstall } from './modelDecision.ts';
import type { Clock } from '../base/clock.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { ModelAdministration } from '../web/modelAdministration.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';

export interface ModelAdministrationOptions extends Omit<PackageInstallerOptions, 'registry' | 'alone'> {
  store: PackageInstallerOptions['store'] &
    Pick<
      WorklistStore,
      'activateModel' | 'modelHistory' | 'shadowScores' | 'siteThreshold' | 'usedScans' | 'validationsOf'
    >;
  /** Called after a decision, so that whoever follows it need not wait for the next poll. */
  onDecided: () => void;
  clock: Clock;
}

type Sound = FoundPackage & { problem: null };
const HISTORY_SHOWN = 100;

/** The packages of this machine, the history of decisions about them, and making one, for the admins' page. */
export function createModelAdministration({
  places,
  store,
  verify,
  serving,
  uploads,
  onDecided,
  clock,
}: ModelAdministrationOptions): ModelAdministration {
  const registry = createPackageRegistry(places, clock);
  const { alone, isBusy } = oneAtATime(onDecided);
  const installer = createPackageInstaller({ places, store, verify, serving, uploads, registry, alone });

  const sound = (sha256: string): Promise<Sound> => soundPackage(registry, sha256).then(orNotFound);
  /** The package that is to be active: as decided, or, before the first decision, the configured one. */
  const wantedActive = async (packages: readonly FoundPackage[]): Promise<ModelIdentity | null> =>
    (await store.modelInForce('active')).wanted?.model ??
    packages.find(({ dir }) => dir === places.configuredDir)?.identity ??
    null;
  const install = async ({ dir, identity }: Sound): Promise<{ model: ModelIdentity; shippedThreshold: number }> => {
    try {
      const installed = await verifyAndInstall(dir, places.installedDir, verify);
      if (installed.model.sha256 !== identity.sha256)
        throw new TriageError('model-tampered', 'The package has changed while it was checked.');
      return installed;
    } catch (error) {
      throw new TriageError(
        'model-refused',
        `${identity.name}@${identity.version} does not pass its check, and nothing has changed: ${messageOf(error)}`,
        { cause: error },
      );
    }
  };

  return {
    board: async () => {
      const { packages, checkedAtMs, isChecking } = await registry.list();
      const active = await wantedActive(packages);
      const shadow = (await store.modelInForce('shadow')).wanted?.model ?? null;
      const isRemovable = await installer.removable();
      return {
        checkedAtMs,
        isChecking,
        isDeciding: isBusy(),
        mostUploadBytes: uploads.mostBytes,
        wanted: { active, shadow },
        packages: await Promise.all(
          packages.map((one) => packageRow(store, one, { active, shadow }, isRemovable(one))),
        ),
        history: await store.modelHistory(HISTORY_SHOWN),
      };
    },
    card: async (sha256) => {
      const { identity, card } = await sound(sha256);
      return { model: identity, ...summaryOfCard(card) };
    },
    testScores: async (sha256) => {
      const found = await soundPackage(registry, sha256);
      return found === undefined ? null : ((await readTestScores(found.dir, sha256))?.scores ?? null);
    },
    comparison: async () => {
      const active = await wantedActive((await registry.list()).packages);
      const shadow = (await store.modelInForce('shadow')).wanted?.model ?? null;
      return active === null || shadow === null
        ? null
        : compareModels(active, shadow, await store.shadowScores(shadow.sha256));
    },
    use: async () => {
      const { wanted } = await store.modelInForce('active');
      const active = wanted?.model ?? (await wantedActive((await registry.list()).packages));
      const sinceMs = wanted?.inUseAtMs ?? null;
      const scans = active === null ? [] : await store.usedScans(active.sha256, sinceMs ?? 0);
      return modelUse(scans, sinceMs, clock.now());
    },
    decide: async ({ role, sha256, threshold, reason, by, address, second }) => {
      if (sha256 === null)
        return store.activateModel({ role, model: null, threshold: null, reason, by, address }).finally(onDecided);
      return alone(async () => {
        const wanted = await sound(sha256);
        const pointOf = (model: ModelIdentity, shipped: number) =>
          role === 'shadow' ? Promise.resolve(null) : operatingPointOf(store, model, shipped, threshold);
        const approvedBy = role === 'shadow' ? null : await secondSignature(store, wanted.identity, by, second);
        // Checked before the long check, and again after it: somebody may have set a threshold meanwhile.
        await pointOf(wanted.identity, wanted.defaultThreshold);
        const { model, shippedThreshold } = await install(wanted);
        return await store.activateModel({
          role,
          model,
          threshold: await pointOf(model, shippedThreshold),
          reason,
          by,
          address,
          approvedBy,
        });
      });
    },
    install: installer.install,
    remove: installer.remove,
  };
}

async function packageRow(
  store: Pick<WorklistStore, 'siteThreshold' | 'validationsOf'>,
  { dir, source, identity, card, defaultThreshold, problem }: FoundPackage,
  wanted: ModelBoard['wanted'],
  removable: boolean,
): Promise<ModelBoard['packages'][number]> {
  return {
    folder: path.basename(dir),
    source,
    state: problem === null ? 'verified' : 'damaged',
    problem,
    model: identity,
    kind: card?.kind ?? null,
    roles: (['active', 'shadow'] as const).filter(
      (role) => identity !== null && identity.sha256 === wanted[role]?.sha256,
    ),
    removable,
    shippedThreshold: defaultThreshold,
    thresholdQuestion: identity === null ? null : await thresholdQuestion(store, identity.name, defaultThreshold),
    validation: identity === null ? null : newestOf(await store.validationsOf(identity.sha256)),
  };
}

/** A package of this machine that is whole; undefined when there is none. */
async function soundPackage(registry: PackageRegistry, sha256: string) {
  const isIt = (one: FoundPackage): one is Sound => one.problem === null && one.identity.sha256 === sha256;
  return (await registry.list()).packages.find(isIt) ?? (await registry.checked()).find(isIt);
}

/** @throws TriageError `not-found` */
function orNotFound(found: Sound | undefined): Sound {
  if (found === undefined)
    throw new TriageError(
      'not-found',
      'This package is not on this machine any more, or damaged. Install it again, here or with odontoid model install DIR.',
    );
  return found;
}

/** The validation that a package's standing rests on: the newest that suffices, else the newest. */
function newestOf(validations: readonly ModelValidation[]): ModelValidation | null {
  return validations.find(({ suffices }) => suffices) ?? validations[0] ?? null;
}
