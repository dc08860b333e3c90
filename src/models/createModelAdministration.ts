import path from 'node:path';
import type { ModelValidation } from '../answers/modelAnswers.ts';
import { compareModels } from './compareModels.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { readTestScores } from '../infer/testScores.ts';
import { summaryOfCard } from '../infer/modelCardSummary.ts';
import type { FoundPackage, PackagePlaces } from '../infer/modelPackages.ts';
import { modelUse } from './modelUse.ts';
import { createPackageRegistry } from './packageRegistry.ts';
import { operatingPointOf, secondSignature, thresholdQuestion, verifyAndInstall } from './modelDecision.ts';
import type { Clock } from '../base/clock.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { ModelAdministration } from '../web/modelAdministration.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';

export interface ModelAdministrationOptions {
  places: PackagePlaces;
  store: Pick<
    WorklistStore,
    'activateModel' | 'modelHistory' | 'modelInForce' | 'shadowScores' | 'siteThreshold' | 'usedScans' | 'validationsOf'
  >;
  /** Loads the package in a child process and runs its golden case. @throws TriageError what is wrong */
  verify: (dir: string) => Promise<unknown>;
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
  onDecided,
  clock,
}: ModelAdministrationOptions): ModelAdministration {
  const registry = createPackageRegistry(places, clock);
  let isDeciding = false;

  const sound = async (sha256: string): Promise<Sound> => {
    const found = await soundPackage(registry, sha256);
    if (found === undefined)
      throw new TriageError(
        'not-found',
        'This package is not on this machine any more, or damaged. Install it again: odontoid model install DIR',
      );
    return found;
  };
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
      return {
        checkedAtMs,
        isChecking,
        isDeciding,
        wanted: { active, shadow },
        packages: await Promise.all(
          packages.map(async ({ dir, source, identity, card, defaultThreshold, problem }) => ({
            folder: path.basename(dir),
            source,
            state: problem === null ? ('verified' as const) : ('damaged' as const),
            problem,
            model: identity,
            kind: card?.kind ?? null,
            roles: (['active', 'shadow'] as const).filter(
              (role) => identity !== null && identity.sha256 === { active, shadow }[role]?.sha256,
            ),
            shippedThreshold: defaultThreshold,
            thresholdQuestion:
              identity === null ? null : await thresholdQuestion(store, identity.name, defaultThreshold),
            validation: identity === null ? null : newestOf(await store.validationsOf(identity.sha256)),
          })),
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
      if (isDeciding)
        throw new TriageError(
          'model-check-running',
          'Another package is being checked. Try again when its check is over.',
        );
      isDeciding = true;
      try {
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
      } finally {
        isDeciding = false;
        onDecided();
      }
    },
  };
}

/** A package of this machine that is whole; undefined when there is none. */
async function soundPackage(registry: ReturnType<typeof createPackageRegistry>, sha256: string) {
  const isIt = (one: FoundPackage): one is Sound => one.problem === null && one.identity.sha256 === sha256;
  return (await registry.list()).packages.find(isIt) ?? (await registry.checked()).find(isIt);
}

/** The validation that a package's standing rests on: the newest that suffices, else the newest. */
function newestOf(validations: readonly ModelValidation[]): ModelValidation | null {
  return validations.find(({ suffices }) => suffices) ?? validations[0] ?? null;
}
