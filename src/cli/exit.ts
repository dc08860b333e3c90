/** Exit codes of every command: part of the command line's contract. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

const LAST_WORDS_MS = 3_000;

/** Ends the process when it has nothing left to do, and after a moment in any case: what a failed command has left open must not keep it. */
export function endSoon(): void {
  // This timer alone keeps no process alive.
  AbortSignal.timeout(LAST_WORDS_MS).addEventListener('abort', () => process.exit());
}
