import './casePage.css';
import { useLocation, useRoute } from 'preact-iso';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refused } from '../parts/session.ts';
import { fetchCase, giveVerdict, reprocess, resend, setClaimed, setRead, type CaseAnswer } from './caseApi.ts';
import { CaseRecord } from './caseRecord.tsx';
import { CaseViewer } from './caseViewer.tsx';
import { followFeed, LIVE, type Freshness } from '../parts/feed.ts';
import { ageText, birthDate, clockTime, personName } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import { caseWords as words } from './caseWords.ts';
import { feedWords } from '../parts/feedWords.ts';
import { LOOKS } from '../parts/looks.ts';
import { viewerLink } from '../parts/viewerLink.ts';
import { fetchWorklist } from '../worklist/worklistApi.ts';

const DIFFERENT_PATIENT_MS = 2_000;
/** Whose case was on the screen before this one. */
let patientBefore: string | null = null;

/** One case: who, what the AI says, the slices, and everything that happened. Another case is another page, so that nothing of one stays for the next. */
export default function CasePage() {
  const { params } = useRoute();
  const caseRef = params['caseRef'] ?? '';
  return <OneCase key={caseRef} caseRef={caseRef} />;
}

function OneCase({ caseRef }: { caseRef: string }) {
  const { route } = useLocation();
  const [answer, setAnswer] = useState<CaseAnswer | null>(null);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const [missing, setMissing] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [different, setDifferent] = useState(false);
  const refresh = useRef<() => Promise<void>>(() => Promise.resolve());

  useEffect(() => {
    let current = true;
    let opened = false;
    const read = async () => {
      try {
        const known = await fetchCase(caseRef, opened ? 'still-open' : 'opened');
        opened = true;
        if (!current) return;
        const patient = `${known.row.patientId} ${known.row.patientName}`;
        if (patientBefore !== null && patientBefore !== patient) setDifferent(true);
        patientBefore = patient;
        setAnswer(known);
      } catch (error) {
        if (!(error instanceof Refused && error.status === 404)) throw error;
        if (current) setMissing(true);
      }
    };
    const feed = followFeed('/api/events', read, setFresh);
    refresh.current = feed.refresh;
    return () => {
      current = false;
      feed.stop();
    };
  }, [caseRef]);
  useEffect(() => {
    if (!different) return;
    const timer = window.setTimeout(() => setDifferent(false), DIFFERENT_PATIENT_MS);
    return () => window.clearTimeout(timer);
  }, [different]);

  const act = useCallback((work: Promise<void>) => {
    work.then(
      () => {
        setProblem(null);
        return refresh.current();
      },
      (error: unknown) => setProblem(words.failed(error instanceof Error ? error.message : String(error))),
    );
  }, []);
  const row = answer?.row;
  const toggleRead = () => row && act(setRead(caseRef, row.readAtMs === null));
  const toggleClaim = () => row && act(setClaimed(caseRef, row.claimedBy === null));
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
    { keys: ['Shift+n'], shown: 'Shift N', does: words.keys.next, run: next },
    { keys: ['Escape'], shown: 'Esc', does: words.keys.back, run: () => route('/') },
  ]);

  if (missing) return <Nothing text={words.notFound} />;
  if (answer === null || row === undefined)
    return fresh.kind === 'lost' ? <Nothing text={words.unreadable} /> : <Nothing text={words.loading} busy />;

  const nowMs = Date.now();
  const name = personName(row.patientName);
  const born = birthDate(row.patientBirthDate);
  const look = LOOKS[row.status];
  const viewer = viewerLink(answer.viewerTemplate, row);
  const identity = [name, born, row.sex, words.patientId(row.patientId)].filter(Boolean).join(' · ');
  return (
    <article class="case">
      <div class="patient-banner" role="group" aria-label={words.patient}>
        <h1>
          <bdi>{name}</bdi>
        </h1>
        {[
          born && words.born(born, ageText(row.age)),
          row.sex,
          words.patientId(row.patientId),
          row.accessionNumber && words.accession(row.accessionNumber),
        ]
          .filter(Boolean)
          .map((part) => (
            <bdi key={part}>{part}</bdi>
          ))}
        <span class="spacer" />
        <span class="feed" data-feed={fresh.kind}>
          {fresh.kind === 'slow' ? feedWords.slowFeed(fresh.silentSeconds) : ''}
        </span>
        <a href="/">{words.back}</a>
      </div>
      <div role="alert" class="alert">
        {fresh.kind === 'lost' ? feedWords.lostFeed(clockTime(fresh.sinceMs, nowMs)) : problem}
      </div>
      {different && (
        <p class="different" role="status">
          {words.differentPatient}
        </p>
      )}
      <section class="sentence" aria-label={words.state}>
        <p class={`state kind-${look.kind}`}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={look.shape} />
          </svg>
          <span>{row.stateText}</span>
        </p>
        <p class="muted">
          {row.why}
          {row.probability !== null && row.threshold !== null && row.model !== null && (
            <>
              {' · '}
              {words.score(row.probability, row.threshold.value)}
              {' · '}
              {words.model(row.model.name, row.model.version, row.threshold.version)}
            </>
          )}
        </p>
      </section>
      <section class="actions" aria-label={words.actions}>
        {row.claimedBy === null ? (
          <button type="button" onClick={toggleClaim}>
            {words.claim}
          </button>
        ) : (
          <>
            <span class="kind-info">{words.claimedBy(row.claimedBy)}</span>
            <button type="button" onClick={() => act(setClaimed(caseRef, false, true))}>
              {words.release}
            </button>
            <button type="button" onClick={() => act(setClaimed(caseRef, true, true))}>
              {words.takeOver}
            </button>
          </>
        )}
        <button type="button" onClick={toggleRead}>
          {row.readAtMs === null ? words.markRead : words.markUnread}
        </button>
        {row.readAtMs !== null && row.readBy !== null && (
          <span class="muted">{words.readBy(row.readBy, clockTime(row.readAtMs, nowMs))}</span>
        )}
        {(row.decision === 'suspected' || row.decision === 'not-suspected') && (
          <div role="group" aria-label={words.feedback} class="feedback">
            <span class="muted">{words.feedback}</span>
            {(['agree', 'disagree', 'unsure'] as const).map((verdict) => (
              <button
                key={verdict}
                type="button"
                aria-pressed={row.verdict?.verdict === verdict}
                onClick={() => act(giveVerdict(caseRef, row.revision, verdict))}
              >
                {words.verdicts[verdict]}
              </button>
            ))}
            {row.verdict !== null && (
              <span class="muted">{words.verdictBy(row.verdict.by, clockTime(row.verdict.atMs, nowMs))}</span>
            )}
          </div>
        )}
        <span class="spacer" />
        {viewer !== null && (
          <a href={viewer} target="_blank" rel="noreferrer">
            {words.viewer}
          </a>
        )}
        <button type="button" onClick={next}>
          {words.next}
        </button>
      </section>
      <div class="case-parts">
        {answer.volume === null ? (
          <section class="viewer" aria-label={words.slices}>
            <p>{words.noSlices}</p>
          </section>
        ) : (
          <CaseViewer answer={answer} volume={answer.volume} identity={identity} />
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

/** The case that the list would have read next: the first that nobody reads, after this one. */
async function nextUnread(caseRef: string): Promise<string | null> {
  const { rows } = await fetchWorklist({
    show: 'all',
    search: '',
    location: '',
    read: false,
    list: null,
    offset: 0,
    limit: 200,
    masked: true,
  });
  const unread = rows.filter((row) => row !== null);
  const at = unread.findIndex((row) => row.caseRef === caseRef);
  const others = [...unread.slice(at + 1), ...unread.slice(0, Math.max(0, at))];
  return others.find((row) => row.claimedBy === null && row.caseRef !== caseRef)?.caseRef ?? null;
}
