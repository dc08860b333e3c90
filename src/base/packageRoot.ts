import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the package: the folder with package.json, from `src/` or `dist/src/`. */
export const packageRoot = findPackageRoot();

/** The contents of package.json. */
export function packageFacts(): { version: string; description: string } {
  return JSON.parse(readFileSync(resolve(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
}

/** Version of this software, from package.json. */
export function softwareVersion(): string {
  return packageFacts().version;
}

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(resolve(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
