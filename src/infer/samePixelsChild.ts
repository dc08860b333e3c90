import { openCtFile } from './decodePixels.ts';
import type { ImagePair } from './samePixels.ts';

// The child of samePixels.ts: one question after the other.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function compare({ first, second }: ImagePair): Promise<boolean> {
  const [one, other] = [await openCtFile(first), await openCtFile(second)];
  if (one.frames !== other.frames) return false;
  for (let number = 1; number <= one.frames; number++) {
    const frameNumber = one.frames === 1 ? undefined : number;
    const [a, b] = [await one.stored(frameNumber), await other.stored(frameNumber)];
    const isSame = a.rows === b.rows && a.columns === b.columns && a.hu.every((value, index) => value === b.hu[index]);
    if (!isSame) return false;
  }
  return true;
}

process.on('message', (pair: ImagePair) => {
  compare(pair).then(
    (same) => process.send?.({ same }),
    () => process.send?.({ same: false }),
  );
});
