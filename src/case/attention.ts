/** A claim ("I'm reading") older than this is asked about. */
export const CLAIM_ASKED_AFTER_MS = 15 * 60_000;
/** A claim older than this, whose reader has not said that they are still reading, is given back to the list. */
export const CLAIM_RETURNS_AFTER_MS = 20 * 60_000;
/** A flag that nobody has opened or claimed rings again after this time, and then also at the next desk. */
export const RINGS_AGAIN_AFTER_MS = 10 * 60_000;
