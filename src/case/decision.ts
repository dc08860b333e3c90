/** What the agent says of a case. There is no word for "normal": an unflagged scan is read as usual. */
export const DECISIONS = ['suspected', 'not-suspected', 'not-analysed'] as const;
export type Decision = (typeof DECISIONS)[number];
