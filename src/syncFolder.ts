import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Resolves when the names in a folder are on disk: a file that was made or moved there is not lost by a power cut, once its own bytes are synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder and those above it, if they are missing, so that no power cut takes them away again with what is put there. */
export async function makeFolder(path: string): Promise<void> {
  const first = (await mkdir(path, { recursive: true })) ?? path;
  // Also when it was there: whoever made it may have died before this.
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}
