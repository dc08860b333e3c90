import { TriageError } from '../base/errors.ts';

/** Says that a stored file has been deleted, and what to do. */
export function goneFile(cause: unknown): TriageError {
  return new TriageError(
    'slice-gone',
    'The file of this slice is no longer on this machine. Read it in the PACS; to have it here again, let the PACS send the study once more.',
    { cause },
  );
}
