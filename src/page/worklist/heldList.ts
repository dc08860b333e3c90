import type { WorklistAnswer, WorklistRow } from '../../answers/worklistAnswer.ts';

/** What the page holds of one list: the newest answer, and the rows of all answers by their position. */
export interface HeldList {
  answer: WorklistAnswer;
  rows: ReadonlyMap<number, WorklistRow>;
}

/** The list with the rows of an answer added. Rows of another list are dropped. */
export function withPart(old: HeldList | null, answer: WorklistAnswer): HeldList {
  const rows = new Map(old?.answer.list === answer.list ? old.rows : []);
  answer.rows.forEach((row, at) => {
    if (row === null) rows.delete(answer.offset + at);
    else rows.set(answer.offset + at, row);
  });
  return { answer, rows };
}

/** The position of a case; undefined when it is not among the rows held. */
export function placeOf({ rows }: HeldList, caseRef: string): number | undefined {
  return [...rows].find(([, row]) => row.caseRef === caseRef)?.[0];
}

/** Place names to choose from: those where scans wait, and the chosen one, whose last case may have been read. */
export function placesToChoose(list: HeldList | null, chosen: string): string[] {
  return [...new Set([...(list?.answer.locations ?? []), ...(chosen === '' ? [] : [chosen])])];
}
