import { clockTime } from '../parts/format.ts';
import { holdFacts } from '../parts/heldStudy.ts';
import { releaseWords } from '../parts/releaseWords.ts';
import { releasable } from '../parts/useRelease.tsx';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { giveVerdict, setClaimed } from './caseApi.ts';
import { caseWords as words } from './caseWords.ts';

const VERDICTS = ['agree', 'disagree', 'unsure'] as const;

interface Properties {
  row: WorklistRow;
  /** Link to the case in the site's viewer; null without one. */
  viewer: string | null;
  nowMs: number;
  act: (work: Promise<void>) => unknown;
  onClaim: () => void;
  onRead: () => void;
  onUrgent: () => void;
  onNext: () => void;
  /** Null for whom may not release a held case. */
  onRelease: (() => void) | null;
}

/** The reader's actions on the case. */
export function CaseActions({ row, viewer, nowMs, act, onClaim, onRead, onUrgent, onNext, onRelease }: Properties) {
  const held = releasable(row);
  const isScored = row.decision === 'suspected' || row.decision === 'not-suspected';
  return (
    <section class="actions" aria-label={words.actions}>
      {held !== null && onRelease !== null && (
        <button type="button" class="weighty" onClick={onRelease}>
          {releaseWords.release}
        </button>
      )}
      {held !== null && <bdi class="muted">{holdFacts(held).join(', ')}</bdi>}
      {row.claimedBy === null ? (
        <button type="button" onClick={onClaim}>
          {words.claim}
        </button>
      ) : (
        <>
          <span class="kind-info">{words.claimedBy(row.claimedBy)}</span>
          <button type="button" onClick={() => act(setClaimed(row.caseRef, false, true))}>
            {words.release}
          </button>
          <button type="button" onClick={() => act(setClaimed(row.caseRef, true, true))}>
            {words.takeOver}
          </button>
        </>
      )}
      <button type="button" class={row.readAtMs === null && held === null ? 'weighty' : undefined} onClick={onRead}>
        {row.readAtMs === null ? words.markRead : words.markUnread}
      </button>
      {row.readAtMs === null && !row.offList && (
        <button type="button" class="quiet" onClick={onUrgent}>
          {row.stat ? words.notUrgent : words.markUrgent}
        </button>
      )}
      {row.readAtMs !== null && row.readBy !== null && (
        <span class="muted">{words.readBy(row.readBy, clockTime(row.readAtMs, nowMs))}</span>
      )}
      {isScored && <Feedback row={row} nowMs={nowMs} act={act} />}
      <span class="spacer" />
      {viewer !== null && (
        <a href={viewer} target="_blank" rel="noreferrer">
          {words.viewer}
        </a>
      )}
      <button type="button" onClick={onNext}>
        {words.next}
      </button>
    </section>
  );
}

/** Asks whether the reader agrees with the AI result of this revision. */
function Feedback({ row, nowMs, act }: Pick<Properties, 'row' | 'nowMs' | 'act'>) {
  return (
    <div role="group" aria-label={words.feedback} class="feedback">
      <span class="muted">{words.feedback}</span>
      {VERDICTS.map((verdict) => (
        <button
          key={verdict}
          type="button"
          aria-pressed={row.verdict?.verdict === verdict}
          onClick={() => act(giveVerdict(row.caseRef, row.revision, verdict))}
        >
          {words.verdicts[verdict]}
        </button>
      ))}
      {row.verdict !== null && (
        <span class="muted">{words.verdictBy(row.verdict.by, clockTime(row.verdict.atMs, nowMs))}</span>
      )}
    </div>
  );
}
