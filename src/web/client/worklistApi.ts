import type { SystemStatus } from '../server.ts';
import type { CaseDetail, WorklistRow, WorklistTotals } from '../../worklist/worklistQuery.ts';

export type { RowDelivery, WorklistRow } from '../../worklist/worklistQuery.ts';

/** A read that hangs must not keep the page from trying again. */
const ANSWER_WITHIN_MS = 10_000;

export interface WorklistAnswer {
  nowMs: number;
  maxWaitMinutes: number;
  system: SystemStatus;
  totals: WorklistTotals;
  rows: WorklistRow[];
}

export type CaseHistory = Pick<CaseDetail, 'events'>;

export async function fetchWorklist(): Promise<WorklistAnswer> {
  return (await (await ask('/api/worklist')).json()) as WorklistAnswer;
}

export async function fetchCase(studyInstanceUid: string): Promise<CaseHistory> {
  return (await (await ask(`/api/cases/${encodeURIComponent(studyInstanceUid)}`)).json()) as CaseHistory;
}

export async function setRead(studyInstanceUid: string, read: boolean): Promise<void> {
  await ask(`/api/cases/${encodeURIComponent(studyInstanceUid)}/read`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ read }),
  });
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}
