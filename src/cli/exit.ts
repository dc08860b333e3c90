/** Exit codes of every command: part of the command line's contract. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

const LAST_WORDS_MS = 3_000;

/** Exits when the process has nothing left to do, and after a moment in any case: whatever a failed command has left open must not keep it alive. */
export function endSoon(): void {
  // This timer alone does not keep the process alive.
  AbortSignal.timeout(LAST_WORDS_MS).addEventListener('abort', () => process.exit());
}
