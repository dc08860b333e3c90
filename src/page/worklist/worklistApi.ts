import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { ask, read } from '../parts/session.ts';
import { searchParamsOf, type PartOfList } from './listQuery.ts';

export function fetchWorklist(part: PartOfList): Promise<WorklistAnswer> {
  return read<WorklistAnswer>(`/api/worklist?${searchParamsOf(part).toString()}`);
}

/** Tells the server, which records it in the audit, that the reader wants to see names. */
export async function showNames(): Promise<void> {
  await ask('/api/worklist/names', 'POST');
}
