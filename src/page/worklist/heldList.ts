import type { WorklistAnswer, WorklistRow } from '../parts/listAnswer.ts';

/** What the page holds of one list: the newest answer, and the rows of all answers by their place. */
export interface HeldList {
  answer: WorklistAnswer;
  rows: ReadonlyMap<number, WorklistRow>;
}

/** With what an answer brought. The rows of another list are not mixed with it. */
export function withPart(old: HeldList | null, answer: WorklistAnswer): HeldList {
  const rows = new Map(old?.answer.list === answer.list ? old.rows : []);
  answer.rows.forEach((row, at) => {
    if (row === null) rows.delete(answer.offset + at);
    else rows.set(answer.offset + at, row);
  });
  return { answer, rows };
}

/** Where a case stands; undefined when it is not among the rows held. */
export function placeOf({ rows }: HeldList, caseRef: string): number | undefined {
  return [...rows].find(([, row]) => row.caseRef === caseRef)?.[0];
}

/** Places by name: those where scans wait, and the chosen one, whose last case may have been read. */
export function placesToChoose(list: HeldList | null, chosen: string): string[] {
  return [...new Set([...(list?.answer.locations ?? []), ...(chosen === '' ? [] : [chosen])])];
}
