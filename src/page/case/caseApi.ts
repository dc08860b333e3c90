import type { CaseAnswer } from '../../answers/caseAnswer.ts';
import { below } from '../parts/basePath.ts';
import { ask, read } from '../parts/session.ts';

const address = (caseRef: string, what = '') => `/api/cases/${encodeURIComponent(caseRef)}${what}`;

/** `still-open`: the page that shows the case reads it again, which the audit does not record as another view. */
export function fetchCase(caseRef: string, as: 'opened' | 'still-open'): Promise<CaseAnswer> {
  return read<CaseAnswer>(address(caseRef, `?as=${as}`));
}

/** Where the key image is: the best key slice with the sagittal through it, as it stands on the triage card. */
export function keyImageAddress(caseRef: string): string {
  return below(address(caseRef, '/preview'));
}

export async function setRead(caseRef: string, value: boolean): Promise<void> {
  await ask(address(caseRef, '/read'), 'PUT', { read: value });
}

export async function setClaimed(caseRef: string, claimed: boolean, takeOver = false): Promise<void> {
  await ask(address(caseRef, '/claim'), 'PUT', { claimed, takeOver });
}

export async function setUrgent(caseRef: string, urgent: boolean): Promise<void> {
  await ask(address(caseRef, '/urgent'), 'PUT', { urgent });
}

export async function giveVerdict(
  caseRef: string,
  revision: number,
  verdict: 'agree' | 'disagree' | 'unsure',
): Promise<void> {
  await ask(address(caseRef, '/verdict'), 'POST', { revision, verdict });
}

export async function reprocess(caseRef: string, reason: string): Promise<void> {
  await ask(address(caseRef, '/reprocess'), 'POST', { reason });
}

export async function resend(caseRef: string, reason: string): Promise<void> {
  await ask(address(caseRef, '/resend'), 'POST', { reason });
}

export interface Slice {
  hu: Int16Array;
  rows: number;
  columns: number;
}

/** `towards`: -1 or 1 when the reader scrolls in that direction, so that the server prepares what comes next. */
export async function fetchSlice(caseRef: string, index: number, towards: number): Promise<Slice> {
  const response = await ask(address(caseRef, `/slices/${index}?towards=${towards}`));
  const hu = new Int16Array(await response.arrayBuffer());
  return { hu, rows: Number(response.headers.get('X-Rows')), columns: Number(response.headers.get('X-Columns')) };
}
