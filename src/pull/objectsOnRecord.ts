import { TriageError } from '../base/errors.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';

/** How many objects of a study the agent has on record, its results that came back among them; 0 for one that it does not know. */
export async function objectsOnRecord(
  query: Pick<WorklistQuery, 'caseDetail'>,
  studyInstanceUid: string,
): Promise<number> {
  try {
    const { instances } = await query.caseDetail(studyInstanceUid);
    return instances.received + instances.ownResults;
  } catch (error) {
    if (error instanceof TriageError && error.code === 'not-found') return 0;
    throw error;
  }
}
