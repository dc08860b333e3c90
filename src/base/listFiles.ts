import { lstat, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** A file or folder that cannot be used; its path is relative to the folder that was listed. */
export interface UnreadFile {
  file: string;
  reason: string;
}

/**
 * Every file below a folder, by path. Links to files and folders are followed (cohorts of git-annex and DataLad are links), and a folder that is reached
 * twice is listed once, so circular links end. What cannot be read is named in `unread`, and the rest goes on.
 */
export async function listFiles(root: string): Promise<{ files: string[]; unread: UnreadFile[] }> {
  const files: string[] = [];
  const unread: UnreadFile[] = [];
  const seenFolders = new Set<string>();

  const visitFolder = async (folder: string): Promise<void> => {
    const { dev, ino } = await stat(folder);
    const identity = `${dev}:${ino}`;
    if (seenFolders.has(identity)) return;
    seenFolders.add(identity);
    for (const name of (await readdir(folder)).sort()) await visit(join(folder, name));
  };
  const visit = async (path: string): Promise<void> => {
    try {
      const found = await stat(path);
      if (found.isDirectory()) await visitFolder(path);
      else if (found.isFile()) files.push(path);
      else unread.push({ file: relative(root, path), reason: 'not a file but a device, pipe or socket' });
    } catch (error) {
      unread.push({ file: relative(root, path) || '.', reason: await reasonOf(path, error) });
    }
  };
  await visit(root);
  return { files, unread };
}

async function reasonOf(path: string, error: unknown): Promise<string> {
  const isLink = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (isLink && (error as NodeJS.ErrnoException).code === 'ENOENT') return 'a link to a file that is not there';
  return fileErrorWords(error);
}

const WORDS: Partial<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'it is not there any more',
  ELOOP: 'links that lead in a circle',
  ENAMETOOLONG: 'its path is too long',
  EIO: 'the disk answers with an error',
  ESTALE: 'the network drive does not answer for it',
  EMFILE: 'too many files are open (raise the limit: ulimit -n)',
};

/** What an error of the file system means, in words; other errors are rethrown. */
export function fileErrorWords(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error;
  return WORDS[code] ?? code;
}
