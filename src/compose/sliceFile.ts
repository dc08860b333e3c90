import { existsSync } from 'node:fs';
import { TriageError } from '../base/errors.ts';

/** Uses a stored slice, and distinguishes a missing file from one that cannot be decoded. @throws TriageError `slice-gone` with what to do, else as `use` does */
export async function useSliceFile<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  try {
    return await use(path);
  } catch (error) {
    if (existsSync(path)) throw error;
    throw new TriageError(
      'slice-gone',
      'The file of this slice is no longer on this machine. Read it in the PACS; to have it here again, let the PACS send the study once more.',
      { cause: error },
    );
  }
}
