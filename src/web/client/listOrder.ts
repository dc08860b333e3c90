import type { WorklistRow } from '../../worklist/worklistQuery.ts';

/** What waits for the reader's leave: how many studies are not on the screen yet, and how many of them are flagged. */
export interface WaitingUpdate {
  count: number;
  flagged: number;
}

/** The rows that the reader asked for, in the server's order. */
export function listed(rows: readonly WorklistRow[], showRead: boolean): WorklistRow[] {
  return rows.filter((row) => showRead || row.readAtMs === null);
}

/** The rows on the screen, each in its place, with what is known of them now. None comes and none goes, for that would move the others. */
export function inPlace(shown: readonly WorklistRow[], latest: readonly WorklistRow[]): WorklistRow[] {
  const byStudy = new Map(latest.map((row) => [row.studyInstanceUid, row]));
  return shown.map((row) => byStudy.get(row.studyInstanceUid) ?? row);
}

/** Null when the screen shows the list as it would be. */
export function waitingUpdate(shown: readonly WorklistRow[], wanted: readonly WorklistRow[]): WaitingUpdate | null {
  if (
    shown.length === wanted.length &&
    shown.every((row, index) => row.studyInstanceUid === wanted[index]?.studyInstanceUid)
  )
    return null;
  const known = new Set(shown.map((row) => row.studyInstanceUid));
  const fresh = wanted.filter((row) => !known.has(row.studyInstanceUid));
  return { count: fresh.length, flagged: fresh.filter(isFlagged).length };
}

/** Read before the network had flagged it: hidden from the list, and yet somebody must look again. */
export function flaggedAfterRead(rows: readonly WorklistRow[]): number {
  return rows.filter((row) => isFlagged(row) && row.readAtMs !== null && (row.analysedAtMs ?? 0) > row.readAtMs).length;
}

export function isFlagged(row: WorklistRow): boolean {
  return row.decision === 'suspected';
}
