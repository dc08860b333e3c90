/** `polling`: the list is correct, but it has to be polled. */
export type Freshness =
  { kind: 'live' } | { kind: 'polling' } | { kind: 'slow'; silentSeconds: number } | { kind: 'lost'; sinceMs: number };

export const LIVE: Freshness = { kind: 'live' };

/** How often a list is read where no event arrives. */
export const POLL_EVERY_MS = 5_000;
