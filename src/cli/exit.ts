/** Exit codes of every command: part of the command line's contract. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
