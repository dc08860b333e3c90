import { readFile } from 'node:fs/promises';
import { decodeStoredSlice } from './decodePixels.ts';
import type { ImagePair } from './samePixels.ts';

// The child of samePixels.ts: one question after the other.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function compare({ first, second }: ImagePair): Promise<boolean> {
  const one = await decodeStoredSlice(await readFile(first));
  const other = await decodeStoredSlice(await readFile(second));
  return (
    one.rows === other.rows &&
    one.columns === other.columns &&
    one.hu.every((value, index) => value === other.hu[index])
  );
}

process.on('message', (pair: ImagePair) => {
  compare(pair).then(
    (same) => process.send?.({ same }),
    () => process.send?.({ same: false }),
  );
});
