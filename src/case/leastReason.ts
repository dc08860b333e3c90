/** Changes to what is flagged need a meaningful reason: this is its minimum length. */
export const LEAST_REASON_CHARACTERS = 20;
