import type { AuditEntry } from '../answers/accessAnswers.ts';

const COLUMNS = ['seq', 'time', 'action', 'actor', 'address', 'target', 'detail', 'hash'] as const;

/** The audit as RFC 4180 text, one line in each chunk. No cell can be taken for a formula, whatever a peer called itself. */
export function* auditCsv(entries: Iterable<AuditEntry>): Generator<string> {
  for (const entry of entries)
    yield lineOf([
      String(entry.seq),
      new Date(entry.atMs).toISOString(),
      entry.action,
      entry.actor,
      entry.address,
      entry.target,
      JSON.stringify(entry.detail),
      entry.hash,
    ]);
}

export const AUDIT_CSV_HEADING = lineOf(COLUMNS);

function lineOf(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/** Spreadsheets run cells that begin with = + - @, also in their wide forms or after a tab or line break; an apostrophe in front makes them text (OWASP, CSV injection). */
function cell(text: string): string {
  const guarded = /^[\s]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) ? `'${text}` : text;
  return `"${guarded.replaceAll('"', '""')}"`;
}
