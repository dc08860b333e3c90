import type { ThresholdBoardAnswer } from '../../answers/thresholdAnswers.ts';
import { FigureTable } from '../parts/figureTable.tsx';
import { thresholdText } from '../parts/format.ts';
import { dateTime } from '../parts/format.ts';
import { thresholdWords as words } from './thresholdsWords.ts';

type Version = ThresholdBoardAnswer['history'][number];

/** What a version says, in words. */
export function versionText({ mode, value }: Pick<Version, 'mode' | 'value'>): string {
  if (mode === 'stopped') return words.stopped;
  return mode === 'follows-site' ? words.follows : thresholdText(value);
}

/** Whether a version can be reverted: the newest of its source, with something to go back to. */
export function canRevert(history: readonly Version[], version: Version): boolean {
  const [newest, before] = history.filter(({ sourceAeTitle }) => sourceAeTitle === version.sourceAeTitle);
  return newest?.version === version.version && (before !== undefined || version.sourceAeTitle !== '');
}

/** Every version, newest first; the newest of each source can be reverted by people who may. */
export function History({
  history,
  onRevert,
}: {
  history: readonly Version[];
  onRevert: ((version: number) => void) | null;
}) {
  const { history: text } = words;
  return (
    <section class="long">
      <h2>{text.title}</h2>
      <FigureTable
        name={text.title}
        heads={[
          text.version,
          text.what,
          text.scope,
          text.reason,
          text.who,
          text.when,
          ...(onRevert === null
            ? []
            : [
                <span key="revert" class="unseen">
                  {text.revert}
                </span>,
              ]),
        ]}
      >
        {history.map((version) => (
          <tr key={version.version}>
            <th scope="row">{version.version}</th>
            <td>
              <strong>{versionText(version)}</strong>
            </td>
            <td>{version.sourceAeTitle === '' ? words.site : version.sourceAeTitle}</td>
            <td class="reason">{version.reverts === null ? version.reason : text.reverts(version.reverts)}</td>
            <td>{version.approvedBy === null ? version.by : text.approved(version.by, version.approvedBy)}</td>
            <td>{dateTime(version.atMs)}</td>
            {onRevert !== null && (
              <td>
                {canRevert(history, version) && (
                  <button type="button" onClick={() => onRevert(version.version)}>
                    {text.revertVersion(version.version)}
                  </button>
                )}
              </td>
            )}
          </tr>
        ))}
      </FigureTable>
    </section>
  );
}
