import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';

const COMPACT = 'models/compact';

/** A copy of the shipped package under another version, sound but for `change`. Returns its digest. */
export async function packageVariant(
  dir: string,
  version: string,
  change: Record<string, unknown> = {},
): Promise<string> {
  await cp(COMPACT, dir, { recursive: true });
  const file = join(dir, 'model.json');
  await writeFile(
    file,
    JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), version, ...change }),
  );
  return (await loadModelPackage(dir)).identity.sha256;
}
