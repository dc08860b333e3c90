import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelBoard } from '../answers/modelAnswers.ts';
import type { Clock } from '../base/clock.ts';
import { findModelPackages, type FoundPackage, type PackagePlaces } from '../infer/modelPackages.ts';

/** The packages of this machine as of their last check. */
interface PackageListing extends Pick<ModelBoard, 'checkedAtMs' | 'isChecking'> {
  packages: readonly FoundPackage[];
}

export interface PackageRegistry {
  list: () => Promise<PackageListing>;
  /** As they are now. */
  checked: () => Promise<readonly FoundPackage[]>;
}

/** A damaged disk changes bytes without changing the file's date: everything is read again after this time, on the next request. */
const RECHECK_MS = 600_000;

/** Knows the packages without reading every byte on each request: it answers at once, and runs a check in the background when one is due. */
export function createPackageRegistry(places: PackagePlaces, clock: Clock): PackageRegistry {
  let known: { packages: readonly FoundPackage[]; signature: string; atMs: number } | null = null;
  let checking: Promise<void> | null = null;
  const check = (signature: string): Promise<void> => {
    checking ??= findModelPackages(places)
      .then((packages) => {
        known = { packages, signature, atMs: clock.now() };
      })
      .finally(() => {
        checking = null;
      });
    return checking;
  };
  return {
    list: async () => {
      const signature = await signatureOf(places);
      // An error here recurs at the next request, and `checked` reports it.
      if (known === null || known.signature !== signature || clock.now() - known.atMs > RECHECK_MS)
        check(signature).catch(() => undefined);
      return { packages: known?.packages ?? [], checkedAtMs: known?.atMs ?? null, isChecking: checking !== null };
    },
    checked: async () => {
      await check(await signatureOf(places));
      return known!.packages;
    },
  };
}

/** Name, size and date of every file of every package. */
async function signatureOf({ installedDir, configuredDir, shippedDir }: PackagePlaces): Promise<string> {
  const lines: string[] = [];
  for (const parent of [installedDir, configuredDir, shippedDir]) {
    const files = await readdir(parent, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of files) {
      const name = path.join(file.parentPath, file.name);
      // What is still coming has a name that begins with a dot.
      if (!file.isFile() || path.relative(parent, name).startsWith('.')) continue;
      const { size, mtimeMs } = await stat(name).catch(() => ({ size: -1, mtimeMs: 0 }));
      lines.push(`${name} ${size} ${mtimeMs}`);
    }
  }
  return lines.sort().join('\n');
}
