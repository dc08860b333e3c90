import { CommanderError } from 'commander';
import { TriageError, type ErrorCode } from '../base/errors.ts';

/** Exit codes of every command: part of the command line's contract. */
export const EXIT = { ok: 0, failed: 1, usage: 2, stopped: 130 } as const;

/** What each exit code says, for the help and docs/command-line.md. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  failed: 'it ran, and the answer is bad (the text says which)',
  usage: 'wrong arguments or configuration; nothing was done',
  stopped: 'told to stop a second time, before it had finished its work',
};

/** Errors that the caller mends in the arguments or the configuration. */
const USAGE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'config-invalid',
  'command-invalid',
  'second-signature',
  'threshold-unsaid',
  'phantom-fracture-unknown',
  'dataset-invalid',
]);

/** The exit code of a command that ended with an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  return error instanceof TriageError && USAGE_ERRORS.has(error.code) ? EXIT.usage : EXIT.failed;
}

const LAST_WORDS_MS = 3_000;

/** Exits when the process has nothing left to do, and after a moment in any case: whatever a failed command has left open must not keep it alive. */
export function endSoon(): void {
  // This timer alone does not keep the process alive.
  AbortSignal.timeout(LAST_WORDS_MS).addEventListener('abort', () => process.exit());
}
