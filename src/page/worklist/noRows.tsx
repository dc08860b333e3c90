import type { Freshness } from '../parts/freshness.ts';
import { feedWords } from '../parts/feedWords.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { emptyText } from '../parts/statusLine.ts';
import { useAfter } from '../parts/useAfter.ts';
import { words } from './worklistWords.ts';

const STILL_LOADING_AFTER_MS = 3_000;

/** Shown before the first answer, instead of "no scans". */
export function Loading() {
  const isSlow = useAfter(STILL_LOADING_AFTER_MS);
  return (
    <div aria-busy="true">
      <div class="skeleton" />
      <div class="skeleton" />
      <div class="skeleton" />
      {isSlow && <p class="empty">{feedWords.stillLoading}</p>}
    </div>
  );
}

interface Properties {
  answer: WorklistAnswer;
  narrowed: boolean;
  fresh: Freshness;
  onClear: () => void;
  /** Whoever may set the agent up is led there before its first scan. */
  isAdmin: boolean;
}

/** Why the list shows nothing. */
export function Empty({ answer, narrowed, fresh, onClear, isAdmin }: Properties) {
  if (narrowed && answer.allTotal > 0)
    return (
      <div class="empty">
        {words.noneMatch(answer.allTotal)}{' '}
        <button type="button" onClick={onClear}>
          {words.clearFilters}
        </button>
      </div>
    );
  return (
    <div class="empty">
      {emptyText(fresh, answer.stopped, answer.totals.lastReceivedAtMs, answer.nowMs)}
      {isAdmin && answer.totals.lastReceivedAtMs === null && (
        <p>
          <a href="/settings">{words.firstSteps}</a>
        </p>
      )}
    </div>
  );
}
