import type { Problem } from './dataset.ts';

const MOST_PLACES = 3;

/**
 * The faults of a dataset in lines for people. Those of one kind (equal but for numbers) are one line with their count and the first places: of a release whose
 * 711,000 files cannot be read, nobody reads 711,000 lines.
 */
export function problemLines(problems: readonly Problem[]): string[] {
  const kinds = new Map<string, Problem[]>();
  for (const problem of problems) {
    const kind = `${problem.dropped ? 'left out' : 'note'}: ${problem.problem.replaceAll(/\d+/g, '0')}`;
    const same = kinds.get(kind);
    if (same === undefined) kinds.set(kind, [problem]);
    else same.push(problem);
  }
  return [...kinds.values()].flatMap((same) => {
    const line = ({ where, problem, dropped }: Problem) => `${dropped ? 'left out' : 'note'}: ${where}: ${problem}`;
    if (same.length <= MOST_PLACES) return same.map(line);
    const [{ problem, dropped }] = same as [Problem];
    const places = same.slice(0, MOST_PLACES).map(({ where }) => where);
    return [
      `${dropped ? 'left out' : 'note'}, ${same.length} times: ${problem} (${places.join(', ')} and ${same.length - MOST_PLACES} more)`,
    ];
  });
}
