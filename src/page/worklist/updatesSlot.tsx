import { alertWords } from '../alerts/alertWords.ts';
import type { Flag } from '../alerts/chimePlan.ts';
import { FlagItems } from '../alerts/flagItems.tsx';
import { feedWords } from '../parts/feedWords.ts';
import type { Freshness } from '../parts/freshness.ts';
import { statusLine } from '../parts/statusLine.ts';
import { clockTime, zoneName } from '../parts/format.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { words } from './worklistWords.ts';

const STRIP_FLAGS = 4;

interface Properties {
  answer: WorklistAnswer | null;
  fresh: Freshness;
  narrowed: boolean;
  /** What could not be done, as a sentence. */
  problem: string | null;
  freshFlags: readonly Flag[];
  onUpdate: () => void;
}

/** One line that is always there, so that its messages never move the rows. */
export function UpdatesSlot({ answer, fresh, narrowed, problem, freshFlags, onUpdate }: Properties) {
  const lost = fresh.kind === 'lost';
  const model = answer?.system.model ?? null;
  const status = statusLine(fresh, answer?.stopped ?? [], answer?.nowMs ?? Date.now());
  return (
    <section class="slot" aria-label={words.updates}>
      <div role="alert" class="alert">
        {fresh.kind === 'lost' ? feedWords.lostFeed(clockTime(fresh.sinceMs, Date.now())) : problem}
      </div>
      {answer !== null && answer.total > 0 && !lost && (
        <span class="muted">
          {narrowed
            ? words.matching(answer.total, answer.allTotal)
            : feedWords.waitingScans(answer.totals.unread, answer.flags.openCount)}
        </span>
      )}
      {answer !== null && answer.flags.openCount > 0 && !lost && (
        <span class="flag-means muted">{words.flagMeans}</span>
      )}
      <div role="status">{!lost && <Pill waiting={answer?.waiting ?? null} onUpdate={onUpdate} />}</div>
      {!lost && freshFlags.length > 0 && <FlagStrip flags={freshFlags} nowMs={answer?.nowMs ?? null} />}
      {/* Takes only the remaining room, so that a change of the network never moves the rows. */}
      <span class="spacer model muted">
        {[model && words.model(model.name, model.version, model.provider), words.zone(zoneName(Date.now()))]
          .filter(Boolean)
          .join(' · ')}
      </span>
      <span class={status.isFault ? 'feed kind-fault' : 'feed'} data-feed={fresh.kind}>
        {fresh.kind === 'live' && answer === null ? '' : status.text}
      </span>
    </section>
  );
}

/** Updates that wait for the reader to show them. */
function Pill({ waiting, onUpdate }: { waiting: WorklistAnswer['waiting']; onUpdate: () => void }) {
  if (waiting === null) return null;
  return (
    <button type="button" class={waiting.flagged > 0 ? 'pill kind-flag' : 'pill'} onClick={onUpdate}>
      {waiting.count > 0 ? words.pending(waiting.count, waiting.flagged) : words.reordered}
    </button>
  );
}

function FlagStrip({ flags, nowMs }: { flags: readonly Flag[]; nowMs: number | null }) {
  return (
    <ul class="flag-strip" aria-label={alertWords.newFlags}>
      <FlagItems flags={flags} most={STRIP_FLAGS} nowMs={nowMs ?? Date.now()} />
    </ul>
  );
}
