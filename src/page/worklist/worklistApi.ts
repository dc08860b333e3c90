import { ask, read } from '../parts/session.ts';

import type { WorklistAnswer } from '../parts/listAnswer.ts';

export interface ListQuery {
  show: 'all' | 'flagged' | 'unflagged' | 'unscored';
  search: string;
  location: string;
  read: boolean;
}

export interface PartOfList extends ListQuery {
  /** Of an earlier answer, for the same cases in the same places; null for the list as it is now. */
  list: string | null;
  offset: number;
  limit: number;
  masked: boolean;
}

export function fetchWorklist({ list, ...part }: PartOfList): Promise<WorklistAnswer> {
  const query = new URLSearchParams(Object.entries(part).map(([name, value]) => [name, String(value)]));
  if (list !== null) query.set('list', list);
  return read<WorklistAnswer>(`/api/worklist?${query.toString()}`);
}

/** Tells the server, and so the audit, that the reader wants to see names. */
export async function showNames(): Promise<void> {
  await ask('/api/worklist/names', 'POST');
}
