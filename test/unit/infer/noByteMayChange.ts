import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';

/** A package is refused with any byte of one of its files changed, added or taken away; the file is then as it was. */
export async function noByteMayChange(dir: string, name: string): Promise<void> {
  const file = path.join(dir, name);
  const whole = await readFile(file);
  const refused = async (bytes: Uint8Array): Promise<void> => {
    await writeFile(file, bytes);
    await expect(loadModelPackage(dir)).rejects.toMatchObject({ code: 'model-tampered' });
  };
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
      const changed = Buffer.from(whole);
      changed[position]! ^= flip;
      await refused(changed);
    }),
    { numRuns: 10 },
  );
  await refused(whole.subarray(0, -1));
  await refused(Buffer.concat([whole, Buffer.from([0])]));
  await writeFile(file, whole);
}
