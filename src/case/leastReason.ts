/** What changes who is flagged needs a reason that says something. */
export const LEAST_REASON_CHARACTERS = 20;
