import { rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, TriageError } from '../base/errors.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { checkModelPackage } from '../infer/modelCard.ts';
import {
  installedPackageDir,
  moveModelPackage,
  removeModelPackage,
  type FoundPackage,
  type PackagePlaces,
} from '../infer/modelPackages.ts';
import type { ModelAdministration } from '../web/modelAdministration.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { Alone } from './oneAtATime.ts';
import type { PackageRegistry } from './packageRegistry.ts';
import { receivePackage, type UploadLimits } from './packageUpload.ts';

export interface PackageInstallerOptions {
  places: PackagePlaces;
  store: Pick<WorklistStore, 'modelInForce' | 'recordPackageChange'>;
  /** Loads the package in a child process and runs its golden case. @throws TriageError what is wrong */
  verify: (dir: string) => Promise<unknown>;
  /** The networks that are loaded now. */
  serving: () => readonly ModelIdentity[];
  uploads: UploadLimits;
  registry: PackageRegistry;
  alone: Alone;
}

/** Installs packages that are uploaded, and removes those that nobody needs. */
export function createPackageInstaller({
  places,
  store,
  verify,
  serving,
  uploads,
  registry,
  alone,
}: PackageInstallerOptions): Pick<ModelAdministration, 'install' | 'remove'> & {
  /** Which packages may be removed now. */
  removable: () => Promise<(one: FoundPackage) => boolean>;
} {
  let isReceiving = false;

  /** The package in `folder`, once it has passed its check. */
  const checkedUpload = async (folder: string) => {
    try {
      await verify(folder);
      return await checkModelPackage(folder);
    } catch (error) {
      // Where it lay meanwhile tells nobody anything.
      const why = messageOf(error).replaceAll(`${folder}${path.sep}`, '').replaceAll(folder, 'the upload');
      throw new TriageError('model-refused', `Nothing was installed: ${why}`, { cause: error });
    }
  };
  const removable = async () => {
    const active = await store.modelInForce('active');
    const shadow = await store.modelInForce('shadow');
    // What the agent goes back to when the active one does not load.
    const fallback = active.wanted?.inUseAtMs === null ? active.lastInUse : null;
    const needed = [
      ...[active.wanted, shadow.wanted, fallback].flatMap((one) => (one?.model == null ? [] : [one.model])),
      ...serving(),
    ];
    return ({ dir, source, identity }: FoundPackage): boolean =>
      source === 'installed' &&
      dir !== places.configuredDir &&
      !needed.some((one) => one.sha256 === identity?.sha256 || installedPackageDir(places.installedDir, one) === dir);
  };

  return {
    removable,
    install: async ({ files, body, by, address }) => {
      if (isReceiving)
        throw new TriageError('model-check-running', 'Another package is being uploaded. Try again when it is there.');
      isReceiving = true;
      let folder: string | null = null;
      try {
        const received = (folder = await receivePackage(files, body, places.installedDir, uploads));
        return await alone(async () => {
          const checked = await checkedUpload(received);
          const { identity: model } = checked;
          const { dir, wasThere } = await moveModelPackage(received, checked, places.installedDir);
          if (!wasThere)
            await store
              .recordPackageChange({ action: 'model.installed', model, folder: path.basename(dir), by, address })
              .catch(async (error: unknown) => {
                // What is not on record is not there.
                await removeModelPackage(dir);
                throw error;
              });
          return { model, wasThere };
        });
      } finally {
        if (folder !== null) await rm(folder, { recursive: true, force: true });
        isReceiving = false;
      }
    },
    remove: ({ folder, by, address }) =>
      alone(async () => {
        const found = (await registry.checked()).find(
          ({ dir, source }) => source === 'installed' && path.basename(dir) === folder,
        );
        if (found === undefined) throw new TriageError('not-found', 'This package is not installed here any more.');
        if (!(await removable())(found))
          throw new TriageError(
            'model-in-use',
            'This package is in use, or the agent would go back to it. Activate another one first.',
          );
        await store.recordPackageChange({ action: 'model.removed', model: found.identity, folder, by, address });
        await removeModelPackage(found.dir);
      }),
  };
}
