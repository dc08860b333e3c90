import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, syncFolder, writeSynced } from '../base/durably.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { checkModelPackage } from './modelCard.ts';
import type { CheckedPackage, ModelCard, ModelPackage } from './modelCard.ts';
import { TEST_SCORES_FILE } from './testScores.ts';

/** Where a package was found: copied into the data folder, named by `infer.modelDir`, or part of this software. */
type PackageSource = 'installed' | 'configured' | 'shipped';

/** A package as shown in a list: its card, or what is wrong with it. */
export type FoundPackage = { dir: string; source: PackageSource } & (
  | { identity: ModelIdentity; card: ModelCard; defaultThreshold: number; problem: null }
  | { identity: null; card: null; defaultThreshold: null; problem: string }
);

export interface PackagePlaces {
  /** Folder of the installed packages; it may not exist yet. */
  installedDir: string;
  /** The package that `infer.modelDir` names. */
  configuredDir: string;
  /** Folder of the packages that this software ships. */
  shippedDir: string;
}

const INCOMING = '.incoming-';
const DIGEST_PREFIX = 12;

/** The folder of an installed package inside the folder of all: its name includes a digest of the bytes. */
export function installedPackageDir(installedDir: string, identity: ModelIdentity): string {
  return path.join(installedDir, `${identity.name}-${identity.version}-${identity.sha256.slice(0, DIGEST_PREFIX)}`);
}

/** Every package on this machine, fully checked; the same bytes in two places are one package, represented by the installed copy. */
export async function findModelPackages(places: PackagePlaces): Promise<FoundPackage[]> {
  const candidates: { dir: string; source: PackageSource }[] = [
    ...(await foldersIn(places.installedDir)).map((dir) => ({ dir, source: 'installed' as const })),
    { dir: places.configuredDir, source: 'configured' },
    ...(await foldersIn(places.shippedDir)).map((dir) => ({ dir, source: 'shipped' as const })),
  ];
  const found: FoundPackage[] = [];
  for (const candidate of candidates) {
    if (found.some(({ dir }) => dir === candidate.dir)) continue;
    const isShipped = path.dirname(candidate.dir) === places.shippedDir;
    const source = candidate.source === 'configured' && isShipped ? 'shipped' : candidate.source;
    try {
      const { card, identity, defaultThreshold } = await checkModelPackage(candidate.dir);
      if (found.some((other) => other.identity?.sha256 === identity.sha256)) continue;
      found.push({ dir: candidate.dir, source, identity, card, defaultThreshold, problem: null });
    } catch (error) {
      found.push({
        dir: candidate.dir,
        source,
        identity: null,
        card: null,
        defaultThreshold: null,
        problem: messageOf(error),
      });
    }
  }
  return found;
}

/** The one valid package that `NAME` or `NAME@VERSION` refers to. @throws TriageError `not-found`, `command-invalid` when several versions match */
export function pickModelPackage(found: readonly FoundPackage[], wanted: string): FoundPackage & { problem: null } {
  const at = wanted.indexOf('@');
  const [name, version] = at < 0 ? [wanted, null] : [wanted.slice(0, at), wanted.slice(at + 1)];
  const sound = found.filter((one) => one.problem === null);
  const fitting = sound.filter(
    ({ identity }) => identity.name === name && (version === null || identity.version === version),
  );
  const [only] = fitting;
  if (only === undefined) {
    const known = sound.map(({ identity }) => `${identity.name}@${identity.version}`).join(', ');
    throw new TriageError(
      'not-found',
      `There is no model package ${wanted} here. ${known === '' ? 'None is installed.' : `There are: ${known}.`} Install one with: odontoid model install DIR`,
    );
  }
  if (fitting.length > 1) {
    const versions = fitting
      .map(
        ({ identity, dir }) =>
          `${identity.name}@${identity.version} (${identity.sha256.slice(0, DIGEST_PREFIX)} in ${dir})`,
      )
      .join(', ');
    throw new TriageError(
      'command-invalid',
      `"${wanted}" may mean ${versions}. Name the version, or remove the folder that is not wanted.`,
    );
  }
  return only;
}

/**
 * Copies a checked package into the folder of installed packages: completely or not at all, and durable before it gets its name.
 * A package that is already there is left unchanged. Returns its folder.
 *
 * @throws TriageError `model-conflict` when other bytes are installed under the same name and version
 */
export async function installModelPackage(
  source: ModelPackage,
  installedDir: string,
): Promise<{ dir: string; wasThere: boolean }> {
  const { identity, card } = source;
  await makeFolder(installedDir);
  if (await isInstalled(identity, installedDir))
    return { dir: installedPackageDir(installedDir, identity), wasThere: true };
  await removeLeftovers(installedDir, INCOMING);
  const incoming = await mkdtemp(path.join(installedDir, INCOMING));
  for (const [name, file] of Object.entries(card.files))
    await writeSynced(path.join(incoming, file.path), source.graphs[name]!, 'wx');
  await writeSynced(path.join(incoming, 'model.json'), source.manifest, 'wx');
  if (source.testScores !== null)
    await writeSynced(path.join(incoming, TEST_SCORES_FILE), source.testScores.bytes, 'wx');
  return { dir: await putInPlace(incoming, identity, installedDir), wasThere: false };
}

/**
 * The same for a checked package whose files are in `folder` already, on the disk of the installed ones and durable: it is moved. What its manifest does not
 * name is left out.
 *
 * @throws TriageError `model-conflict` when other bytes are installed under the same name and version
 */
export async function moveModelPackage(
  folder: string,
  { identity, card, testScores }: CheckedPackage,
  installedDir: string,
): Promise<{ dir: string; wasThere: boolean }> {
  if (await isInstalled(identity, installedDir))
    return { dir: installedPackageDir(installedDir, identity), wasThere: true };
  const named = new Set(['model.json', ...Object.values(card.files).map((file) => file.path)]);
  if (testScores !== null) named.add(TEST_SCORES_FILE);
  for (const name of await readdir(folder)) if (!named.has(name)) await rm(path.join(folder, name));
  return { dir: await putInPlace(folder, identity, installedDir), wasThere: false };
}

/** Removes an installed package: it is gone at once, or still whole. */
export async function removeModelPackage(dir: string): Promise<void> {
  const installedDir = path.dirname(dir);
  const leaving = path.join(await mkdtemp(path.join(installedDir, INCOMING)), 'removed');
  await rename(dir, leaving);
  await syncFolder(installedDir);
  await rm(path.dirname(leaving), { recursive: true, force: true });
}

/** Whether these bytes are where the agent looks for them. @throws TriageError `model-conflict` */
async function isInstalled(identity: ModelIdentity, installedDir: string): Promise<boolean> {
  const dir = installedPackageDir(installedDir, identity);
  for (const other of await foldersIn(installedDir)) {
    const known = await checkModelPackage(other).then(
      (checked) => checked.identity,
      () => null,
    );
    if (known?.sha256 === identity.sha256) {
      if (other === dir) return true;
      // Placed there by hand under another name, where the agent does not look for it.
      continue;
    }
    if (known?.name === identity.name && known.version === identity.version) {
      throw new TriageError(
        'model-conflict',
        `${identity.name}@${identity.version} is installed with other contents (${known.sha256.slice(0, DIGEST_PREFIX)}, this one is ${identity.sha256.slice(0, DIGEST_PREFIX)}). Results name a version: give the new package a version of its own.`,
      );
    }
  }
  return false;
}

/** Gives a folder of durable files its name. */
async function putInPlace(folder: string, identity: ModelIdentity, installedDir: string): Promise<string> {
  const dir = installedPackageDir(installedDir, identity);
  // The user who installs may not be the user that the agent runs as.
  await chmod(folder, 0o755);
  await syncFolder(folder);
  // Whatever has this name was checked above and is not a valid package: a copy that was damaged later.
  await rm(dir, { recursive: true, force: true });
  await rename(folder, dir);
  await syncFolder(installedDir);
  return dir;
}

async function foldersIn(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => path.join(parent, entry.name))
    .sort();
}

/** An interrupted copy holds nothing that is needed. */
export async function removeLeftovers(installedDir: string, prefix: string): Promise<void> {
  for (const name of await readdir(installedDir))
    if (name.startsWith(prefix)) await rm(path.join(installedDir, name), { recursive: true, force: true });
}
