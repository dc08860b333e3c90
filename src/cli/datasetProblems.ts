import type { Problem } from '../dataset/dataset.ts';
import { problemLines } from '../dataset/problemLines.ts';
import { note } from './output.ts';

/** Tells on standard error what is wrong with a dataset. */
export function noteProblems(problems: readonly Problem[]): void {
  for (const line of problemLines(problems)) note(line);
}
