import type { SystemStatus } from '../server.ts';
import type { CaseDetail, WorklistRow, WorklistTotals } from '../../worklist/worklistQuery.ts';

export type { CaseDetail, RowDelivery, WorklistRow } from '../../worklist/worklistQuery.ts';

export interface WorklistAnswer {
  nowMs: number;
  maxWaitMinutes: number;
  system: SystemStatus;
  totals: WorklistTotals;
  rows: WorklistRow[];
}

export async function fetchWorklist(): Promise<WorklistAnswer> {
  return (await checked(await fetch('/api/worklist'))).json() as Promise<WorklistAnswer>;
}

export async function fetchCase(studyInstanceUid: string): Promise<CaseDetail> {
  return (await checked(await fetch(`/api/cases/${encodeURIComponent(studyInstanceUid)}`))).json() as Promise<CaseDetail>;
}

export async function setRead(studyInstanceUid: string, read: boolean): Promise<void> {
  await checked(await fetch(`/api/cases/${encodeURIComponent(studyInstanceUid)}/read`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ read }) }));
}

async function checked(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.status}`);
  return response;
}
