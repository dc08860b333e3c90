import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import { findModelPackages, type FoundPackage, type PackagePlaces } from '../infer/modelPackages.ts';

/** The packages of this machine as they were when they were last checked. */
export interface PackageListing {
  packages: readonly FoundPackage[];
  /** Null while the first check runs. */
  checkedAtMs: number | null;
  /** A check is under way: files have changed, or the last one is old. */
  isChecking: boolean;
}

/** Bytes rot without a new date: all are read again after this long, when somebody asks. */
const RECHECK_MS = 600_000;

/** Knows the packages without reading every byte at every question: the answer comes at once, and a check runs behind it where it is due. */
export function createPackageRegistry(
  places: PackagePlaces,
  clock: Clock,
): { list: () => Promise<PackageListing>; checked: () => Promise<readonly FoundPackage[]> } {
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
      // What goes wrong here goes wrong again at the next look, and `checked` tells it.
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
      if (!file.isFile()) continue;
      const name = path.join(file.parentPath, file.name);
      const { size, mtimeMs } = await stat(name).catch(() => ({ size: -1, mtimeMs: 0 }));
      lines.push(`${name} ${size} ${mtimeMs}`);
    }
  }
  return lines.sort().join('\n');
}
