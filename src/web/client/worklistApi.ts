import type { SystemStatus } from '../server.ts';
import { ask, read } from './session.ts';
import type { CaseDetail, WorklistRow, WorklistTotals } from '../../worklist/worklistQuery.ts';

export type { RowDelivery, WorklistRow } from '../../worklist/worklistQuery.ts';

export interface WorklistAnswer {
  nowMs: number;
  maxWaitMinutes: number;
  system: SystemStatus;
  totals: WorklistTotals;
  rows: WorklistRow[];
}

export type CaseHistory = Pick<CaseDetail, 'events'>;

export function fetchWorklist(): Promise<WorklistAnswer> {
  return read<WorklistAnswer>('/api/worklist');
}

export function fetchCase(studyInstanceUid: string): Promise<CaseHistory> {
  return read<CaseHistory>(`/api/cases/${encodeURIComponent(studyInstanceUid)}`);
}

export async function setRead(studyInstanceUid: string, value: boolean): Promise<void> {
  await ask(`/api/cases/${encodeURIComponent(studyInstanceUid)}/read`, 'PUT', { read: value });
}
