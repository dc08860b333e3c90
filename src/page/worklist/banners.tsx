import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { useState } from 'preact/hooks';
import { feedWords } from '../parts/feedWords.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import { ask } from '../parts/session.ts';
import { words } from './worklistWords.ts';

interface Properties {
  answer: WorklistAnswer | null;
  hidden: boolean;
  /** The list includes read scans. */
  showsRead: boolean;
  onShowRead: () => void;
  onUnmask: () => void;
}

/** Problems of the agent. Shown below the list, where banners take room from its end and not from its beginning. */
export function Banners({ answer, hidden, showsRead, onShowRead, onUnmask }: Properties) {
  const left = answer?.leftOver ?? null;
  const [asked, setAsked] = useState(preference('leftOverAsked'));
  const answered = () => {
    const newest = String(left?.newestArrivedAtMs ?? 0);
    keepPreference('leftOverAsked', newest);
    setAsked(newest);
  };
  const flaggedAfterRead = answer === null || showsRead ? 0 : answer.flags.afterRead;
  return (
    <footer>
      <div role="alert">
        {faultsOf(answer).map((fault) => (
          <p key={fault} class="banner kind-fault">
            {fault}
          </p>
        ))}
        {flaggedAfterRead > 0 && (
          <p class="banner kind-flag">
            {words.flaggedAfterRead(flaggedAfterRead)}{' '}
            <button type="button" onClick={onShowRead}>
              {words.showRead}
            </button>
          </p>
        )}
        {left !== null && left.newestArrivedAtMs > Number(asked) && (
          <p class="banner kind-info">
            {words.leftOver(left.count, left.flagged)}{' '}
            {left.count > left.flagged && (
              <button
                type="button"
                onClick={() => {
                  ask('/api/worklist/left-over', 'POST', {}).then(answered, reportError);
                }}
              >
                {words.markLeftOver(left.count - left.flagged)}
              </button>
            )}{' '}
            <button type="button" onClick={answered}>
              {words.keepLeftOver}
            </button>
          </p>
        )}
        {hidden && (
          <p class="banner kind-info">
            {words.namesHidden}{' '}
            {answer?.namesMayBeShown === true && (
              <button type="button" onClick={onUnmask}>
                {words.showNames}
              </button>
            )}
          </p>
        )}
      </div>
    </footer>
  );
}

/** Why work has stopped and what to do; the status line says since when. */
function faultsOf(answer: WorklistAnswer | null): string[] {
  if (answer === null) return [];
  const { model, modelError, proofOfLife } = answer.system;
  return [
    ...answer.stopped.map(
      ({ why }) => feedWords.remedies[why] + (why === 'no-model' && modelError !== null ? ` ${modelError}` : ''),
    ),
    ...(model !== null && modelError !== null
      ? [`${words.modelNotTaken(model.name, model.version)} ${modelError}`]
      : []),
    ...(proofOfLife.alarm === null ? [] : [proofOfLife.alarm]),
  ];
}
