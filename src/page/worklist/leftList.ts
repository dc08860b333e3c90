import { EVERYTHING } from './listQuery.ts';

/** State of the list when the reader left it, to be restored when they come back from a case. */
export const leftList = { query: EVERYTHING, scrollPx: 0, caseRef: null as string | null };
