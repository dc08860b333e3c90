import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Resolves when the names in a folder are on disk: a file that was made or moved there is not lost by a power cut, once its own bytes are synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Resolves when the bytes of a file are on disk; its name is not, before its folder is synced. `flag` as of `open`: `wx` fails where there is one. */
export async function writeSynced(path: string, bytes: Uint8Array, flag: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flag);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it, if they are missing, so that no power cut takes them away again with what is put there. */
export async function makeFolder(path: string): Promise<void> {
  const whole = resolve(path);
  const first = (await mkdir(whole, { recursive: true })) ?? whole;
  // Also when it was there: whoever made it may have died before this.
  for (let made = whole; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}
