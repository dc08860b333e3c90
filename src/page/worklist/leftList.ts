import { EVERYTHING } from './listQuery.ts';

/** How the reader left the list, for when they come back from a case. */
export const leftList = { query: EVERYTHING, scrollPx: 0, caseRef: null as string | null };
