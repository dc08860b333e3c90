import type { Problem } from '../dataset/dataset.ts';
import { note } from './output.ts';

/** Lists on standard error what is wrong with a dataset. */
export function noteProblems(problems: readonly Problem[]): void {
  for (const { where, problem, dropped } of problems) note(`${dropped ? 'left out' : 'note'}: ${where}: ${problem}`);
}
