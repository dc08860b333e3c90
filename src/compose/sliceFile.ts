import { existsSync } from 'node:fs';
import { goneFile } from '../web/goneFile.ts';

/** Uses a stored slice, and distinguishes a missing file from one that cannot be decoded. @throws TriageError `slice-gone` with what to do, else as `use` does */
export async function useSliceFile<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  try {
    return await use(path);
  } catch (error) {
    if (existsSync(path)) throw error;
    throw goneFile(error);
  }
}
