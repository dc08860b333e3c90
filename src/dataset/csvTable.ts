import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Problem } from './dataset.ts';

/** A row by the column names of the first line, with its line number. */
export interface CsvRow {
  readonly where: string;
  /** The trimmed cell; empty when the column does not exist. */
  cell(column: string): string;
}

/**
 * Reads a CSV file (RFC 4180) with a header line. A row with more or fewer cells than there are columns is listed in `problems`.
 * @throws TriageError `not-found`, `dataset-invalid` naming the line, or the columns that are missing
 */
export async function readCsv(file: string, columns: readonly string[], problems: Problem[]): Promise<CsvRow[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new TriageError('not-found', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const records: { cells: string[]; line: number }[] = [];
  try {
    parse(text, {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (cells: string[], { lines }) => {
        records.push({ cells, line: lines });
        return null;
      },
    });
  } catch (error) {
    throw new TriageError('dataset-invalid', `${file} is no CSV table: ${messageOf(error)}`, { cause: error });
  }
  const [head, ...rows] = records;
  const names = head?.cells ?? [];
  const missing = columns.filter((column) => !names.includes(column));
  if (missing.length > 0)
    throw new TriageError(
      'dataset-invalid',
      `${file} has no column ${missing.join(', ')}; it has ${names.join(', ') || 'none'}.`,
    );
  return rows.flatMap(({ cells, line }) => {
    const where = `${path.basename(file)} line ${line}`;
    if (cells.length !== names.length) {
      problems.push({
        where,
        problem: `the row has ${cells.length} cells, and ${names.length} are wanted`,
        dropped: true,
      });
      return [];
    }
    return [{ where, cell: (column: string) => cells[names.indexOf(column)] ?? '' }];
  });
}

/** 0 or 1, as a truth; null for anything else. */
export function labelOf(text: string): boolean | null {
  return text === '1' ? true : text === '0' ? false : null;
}
