import { writeFile } from 'node:fs/promises';
import { messageOf, TriageError } from '../base/errors.ts';
import { note } from './output.ts';

/** Writes a report and says where it is. @throws TriageError `not-found` */
export async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new TriageError('not-found', `The report cannot be written to ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  note(`Report: ${file}`);
}
