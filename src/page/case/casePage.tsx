import './casePage.css';
import { useLocation, useRoute } from 'preact-iso';
import type { CaseAnswer } from '../../answers/caseAnswer.ts';
import { feedWords } from '../parts/feedWords.ts';
import { clockTime } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import { useIsAdmin } from '../parts/useIsAdmin.ts';
import { useRelease } from '../parts/useRelease.tsx';
import { openViewer } from '../parts/openViewer.ts';
import { viewerLink } from '../parts/viewerLink.ts';
import { CaseActions } from './caseActions.tsx';
import { reprocess, resend, setClaimed, setRead, setUrgent } from './caseApi.ts';
import { identityOf, PatientBanner, StateSentence } from './caseHead.tsx';
import { CaseRecord } from './caseRecord.tsx';
import { CaseViewer } from './caseViewer.tsx';
import { caseWords as words } from './caseWords.ts';
import { KeyImage } from './keyImage.tsx';
import { nextUnread } from './nextUnread.ts';
import { useCase } from './useCase.ts';

/** One case: patient, AI result, slices, and everything that happened. Another case is another page, so that nothing of one case remains on the next. */
export default function CasePage() {
  const { params } = useRoute();
  const caseRef = params['caseRef'] ?? '';
  return <OneCase key={caseRef} caseRef={caseRef} />;
}

function OneCase({ caseRef }: { caseRef: string }) {
  const { route } = useLocation();
  const { answer, fresh, missing, problem, setProblem, different, act } = useCase(caseRef);
  const row = answer?.row;
  const viewer = answer === null ? null : viewerLink(answer.viewerTemplate, answer.row);
  const toggleRead = () => {
    if (row) act(setRead(caseRef, row.readAtMs === null)).catch(() => undefined);
  };
  const toggleClaim = () => {
    if (row) act(setClaimed(caseRef, row.claimedBy === null)).catch(() => undefined);
  };
  const toggleUrgent = () => {
    if (row) act(setUrgent(caseRef, !row.stat)).catch(() => undefined);
  };
  const isAdmin = useIsAdmin();
  const { askRelease, dialogs } = useRelease((refusal) => {
    act(Promise.resolve()).then(() => setProblem(refusal), reportError);
  });
  const next = () => {
    nextUnread(caseRef).then(
      (found) => {
        if (found === null) setProblem(words.noNext);
        else route(`/case/${found}`);
      },
      (error: unknown) => setProblem(words.failed(String(error))),
    );
  };
  useKeys([
    { keys: ['a'], shown: 'A', does: words.keys.claim, run: toggleClaim },
    { keys: ['r'], shown: 'R', does: words.keys.read, run: toggleRead },
    { keys: ['u'], shown: 'U', does: words.keys.urgent, run: toggleUrgent },
    { keys: ['v'], shown: 'V', does: words.keys.viewer, run: () => openViewer(viewer) },
    { keys: ['Shift+n'], shown: 'Shift N', does: words.keys.next, run: next },
    { keys: ['Escape'], shown: 'Esc', does: words.keys.back, run: () => route('/') },
  ]);

  if (missing !== null) return <Nothing text={missing} />;
  if (answer === null || row === undefined)
    return fresh.kind === 'lost' ? <Nothing text={words.unreadable} /> : <Nothing text={words.loading} busy />;

  const nowMs = Date.now();
  return (
    <article class="case">
      <PatientBanner row={row} fresh={fresh} />
      <div role="alert" class="alert">
        {fresh.kind === 'lost' ? feedWords.lostFeed(clockTime(fresh.sinceMs, nowMs)) : problem}
      </div>
      {different && (
        <p class="different" role="status">
          {words.differentPatient}
        </p>
      )}
      <StateSentence row={row} ageNote={answer.ageNote} />
      <CaseActions
        {...{ row, nowMs, act }}
        viewer={viewer}
        onClaim={toggleClaim}
        onRead={toggleRead}
        onUrgent={toggleUrgent}
        onNext={next}
        onRelease={isAdmin ? () => askRelease(row) : null}
      />
      {dialogs}
      <div class="case-parts">
        {answer.volume === null ? (
          <section class="viewer" aria-label={words.slices}>
            <p>{noSlicesText(answer, nowMs)}</p>
            {row.finding !== null && <KeyImage caseRef={row.caseRef} finding={row.finding} />}
          </section>
        ) : (
          <CaseViewer answer={answer} volume={answer.volume} identity={identityOf(row)} />
        )}
        <CaseRecord
          answer={answer}
          nowMs={nowMs}
          onResend={(reason) => act(resend(caseRef, reason))}
          onReprocess={(reason) => act(reprocess(caseRef, reason))}
        />
      </div>
    </article>
  );
}

/** Why no slices can be shown. */
function noSlicesText({ filesRemoved, instances }: CaseAnswer, nowMs: number): string {
  if (filesRemoved === null) return words.noSlices;
  const { atMs, cause, objects } = filesRemoved;
  return [
    words.filesRemoved(clockTime(atMs, nowMs), cause, objects),
    instances.received > 0 && words.cameSince(instances.received),
  ]
    .filter(Boolean)
    .join(' ');
}

function Nothing({ text, busy = false }: { text: string; busy?: boolean }) {
  return (
    <div class="page" aria-busy={busy}>
      <p>{text}</p>
      <p>
        <a href="/">{words.back}</a>
      </p>
    </div>
  );
}
