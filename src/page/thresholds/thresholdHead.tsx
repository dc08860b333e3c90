import type { ThresholdBoardAnswer } from '../../answers/thresholdAnswers.ts';
import { canRevert, versionText } from './thresholdHistory.tsx';
import { dateTime } from '../parts/format.ts';
import { thresholdWords as words } from './thresholdsWords.ts';

/** Recent changes, and how to revert them. */
export function Banner({
  board,
  onRevert,
}: {
  board: ThresholdBoardAnswer;
  onRevert: ((version: number) => void) | null;
}) {
  const site = board.inForce.find((version) => version.sourceAeTitle === '');
  const shown = site?.mode === 'stopped' ? site : board.recentChange;
  if (shown === null) return null;
  const scope = shown.sourceAeTitle === '' ? words.site : shown.sourceAeTitle;
  return (
    <p class={shown.mode === 'stopped' ? 'banner kind-fault' : 'banner kind-stale'}>
      {shown.mode === 'stopped'
        ? words.banner.stopped(shown.by, dateTime(shown.atMs))
        : words.banner.changed(`${scope} ${versionText(shown)}`, shown.by, dateTime(shown.atMs))}{' '}
      {onRevert !== null && canRevert(board.history, shown) && (
        <button type="button" onClick={() => onRevert(shown.version)}>
          {words.history.revertVersion(shown.version)}
        </button>
      )}
    </p>
  );
}

/** What the figures rest on. */
export function Header({ board }: { board: ThresholdBoardAnswer }) {
  const { header } = words;
  const inForce = board.inForce
    .filter((version) => version.mode !== 'follows-site')
    .map((version) =>
      words.inForceOf(
        version.sourceAeTitle === '' ? '' : `${version.sourceAeTitle}: `,
        versionText(version),
        version.version,
      ),
    );
  const facts: [string, string][] = [
    [words.inForce, inForce.join(', ')],
    [header.model, `${board.model!.name} ${board.model!.version}`],
    [
      header.scans,
      board.firstMs === null || board.lastMs === null
        ? header.noScans
        : header.span(board.scans, board.firstMs, board.lastMs),
    ],
    [header.fractures, String(board.fractures)],
    [header.without, String(board.withoutFracture)],
    [header.unconfirmed, String(board.unconfirmed)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
