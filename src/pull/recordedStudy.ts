import { TriageError } from '../base/errors.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';

/** What the agent has on record of a study. */
export interface RecordedStudy {
  /** Its objects, its results that came back among them. */
  objects: number;
  /** Empty for one of which nothing is on record. */
  patientId: string;
}

export async function recordedStudy(
  query: Pick<WorklistQuery, 'caseDetail'>,
  studyInstanceUid: string,
): Promise<RecordedStudy> {
  try {
    const { instances, row } = await query.caseDetail(studyInstanceUid);
    return { objects: instances.received + instances.ownResults, patientId: row.patientId };
  } catch (error) {
    if (error instanceof TriageError && error.code === 'not-found') return { objects: 0, patientId: '' };
    throw error;
  }
}
