import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Resolves when the names in a folder are on disk: a file made or moved there survives a power cut, once its own bytes are synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Resolves when the bytes of a file, or pieces of them that follow one another, are on disk; its name is not, until its folder is synced. `flag` as of `open`:
 * `wx` fails where the file exists.
 */
export async function writeSynced(
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
  flag: 'w' | 'wx',
): Promise<void> {
  const file = await open(path, flag);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and its missing parents durably, so that a power cut does not remove them with their contents. */
export async function makeFolder(path: string): Promise<void> {
  const whole = resolve(path);
  const first = (await makeMissing(whole)) ?? whole;
  // Also when it existed: whoever made it may have died before this step.
  for (let made = whole; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}

/**
 * Makes a folder and its missing parents, and returns the uppermost new one; null when there was nothing to make. Node's own recursive `mkdir`
 * never ends where a folder says ENOENT of a name in it, as those under /proc do.
 */
async function makeMissing(path: string): Promise<string | null> {
  const attempt = async (isLast: boolean): Promise<'made' | 'there' | 'no parent'> => {
    try {
      await mkdir(path);
      return 'made';
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' && (await isFolder(path))) return 'there';
      if (code === 'ENOENT' && !isLast) return 'no parent';
      throw error;
    }
  };
  const outcome = await attempt(false);
  if (outcome !== 'no parent') return outcome === 'made' ? path : null;
  // Somebody else may have made the parent since.
  const uppermost = (await isFolder(dirname(path))) ? null : await makeMissing(dirname(path));
  await attempt(true);
  return uppermost ?? path;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
