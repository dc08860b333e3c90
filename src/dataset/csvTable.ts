import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { messageOf, TriageError } from '../errors.ts';

/** A row by the names of the first line, with where it stands. */
export interface CsvRow {
  readonly where: string;
  /** The cell without the space around it; empty when the column is not there. */
  cell(column: string): string;
}

/**
 * Reads a CSV file (RFC 4180) with a line of names.
 * @throws TriageError `not-found`, `dataset-invalid` naming the line, or the columns that are missing
 */
export async function readCsv(file: string, columns: readonly string[]): Promise<CsvRow[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new TriageError('not-found', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  let records: { record: Record<string, string>; info: { lines: number } }[];
  try {
    records = parse(text, { columns: true, bom: true, trim: true, skip_empty_lines: true, info: true });
  } catch (error) {
    throw new TriageError('dataset-invalid', `${file} is no CSV table: ${messageOf(error)}`, { cause: error });
  }
  const names = new Set(Object.keys(records[0]?.record ?? {}));
  const missing = columns.filter((column) => !names.has(column));
  if (records.length > 0 && missing.length > 0) throw new TriageError('dataset-invalid', `${file} has no column ${missing.join(', ')}; it has ${[...names].join(', ')}.`);
  const name = path.basename(file);
  return records.map(({ record, info }) => ({ where: `${name} line ${info.lines}`, cell: (column) => record[column] ?? '' }));
}

/** 0 or 1, as a truth; null for anything else. */
export function labelOf(text: string): boolean | null {
  return text === '1' ? true : text === '0' ? false : null;
}
