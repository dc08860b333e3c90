/** What the network said of a scan. */
export interface Judged {
  readonly id: string;
  readonly label: boolean;
  /** Null: refused. */
  readonly probability: number | null;
}

export const ROBUSTNESS_HEAD = [
  '| perturbation | intact: flagged | broken: flagged | flips to flagged | flips to not flagged | refused |',
  '| --- | --- | --- | --- | --- | --- |',
];

/** A row of the table: decisions on scans before and after a change, at a threshold. A refusal is no decision, so only scans that were analysed both times can flip. */
export function robustnessRow(
  name: string,
  before: readonly Judged[],
  after: readonly Judged[],
  threshold: number,
): string {
  const isFlagged = ({ probability }: Judged): boolean => probability !== null && probability >= threshold;
  const analysed = after.filter(({ probability }) => probability !== null);
  const flagged = (label: boolean): string => {
    const own = analysed.filter((one) => one.label === label);
    return `${own.filter(isFlagged).length}/${own.length}`;
  };
  const decided = new Map(
    before.flatMap((one) => (one.probability === null ? [] : [[one.id, isFlagged(one)] as const])),
  );
  const both = analysed.filter(({ id }) => decided.has(id));
  const flips = (to: boolean): string =>
    `${both.filter((one) => isFlagged(one) === to && decided.get(one.id) !== to).length}/${both.length}`;
  return `| ${name} | ${flagged(false)} | ${flagged(true)} | ${flips(true)} | ${flips(false)} | ${after.length - analysed.length}/${after.length} |`;
}
