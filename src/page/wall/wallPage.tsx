import './wall.css';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { WallAnswer } from '../../answers/wallAnswer.ts';
import { useAlerts } from '../alerts/useAlerts.ts';
import { followFeed } from '../parts/feed.ts';
import { LIVE, type Freshness } from '../parts/freshness.ts';
import { clockTime, minuteTime } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import { LOOKS } from '../parts/looks.ts';
import { emptyText, statusLine } from '../parts/statusLine.ts';
import { ask, read, Refused } from '../parts/session.ts';
import { Unvalidated } from '../parts/unvalidated.tsx';
import { useAfter } from '../parts/useAfter.ts';
import { chosenFontPx, isSetUp, WallSetUp } from './wallSetUp.tsx';
import { wallWords as words } from './wallWords.ts';
import { feedWords } from '../parts/feedWords.ts';
import { below } from '../parts/basePath.ts';

const STILL_LOADING_AFTER_MS = 3_000;

type Row = WallAnswer['rows'][number];

/** The list for reading from two metres: no names, no controls, and a clear warning when it may be wrong. */
export default function WallPage() {
  const [secret] = useState(() => location.hash.slice(1));
  const [admitted, setAdmitted] = useState<'opening' | 'yes' | 'no' | 'used'>(secret === '' ? 'yes' : 'opening');
  useEffect(() => {
    if (secret === '') return;
    // Remove the secret from the address bar at once, because many people see a wall screen.
    history.replaceState(null, '', below('/wall'));
    ask('/api/wall/open', 'POST', { secret }).then(
      () => setAdmitted('yes'),
      () => setAdmitted('used'),
    );
  }, [secret]);
  if (admitted === 'opening') return <p class="wall-notice">{words.opening}</p>;
  if (admitted === 'yes') return <WallList onRefused={() => setAdmitted('no')} />;
  return (
    <div class="wall-notice" role="alert">
      <h1>{words.title}</h1>
      <p>{admitted === 'used' ? words.usedLink : words.notAdmitted}</p>
    </div>
  );
}

/** The masked list, in letters of `fontPx`; without, as large as this screen was set up. `onRefused`: it may not be shown any more. */
export function WallList({ onRefused, fontPx: fixedPx }: { onRefused: () => void; fontPx?: number }) {
  const [answer, setAnswer] = useState<WallAnswer | null>(null);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const slowLoad = useAfter(STILL_LOADING_AFTER_MS);
  const [shown, setShown] = useState(0);
  const [fontPx, setFontPx] = useState(chosenFontPx);
  const [setting, setSetting] = useState(fixedPx === undefined && !isSetUp());
  const refused = useRef(onRefused);
  refused.current = onRefused;
  useKeys(
    fixedPx === undefined
      ? [
          { keys: ['s'], shown: 'S', does: words.keys.setUp, run: () => setSetting(true) },
          { keys: ['Escape'], shown: 'Esc', does: words.keys.close, run: () => setSetting(false) },
        ]
      : [],
  );
  useEffect(() => {
    const look = async () => {
      try {
        setAnswer(await read<WallAnswer>('/api/wall'));
      } catch (error) {
        // Clear the screen when its right to show the list ends.
        if (error instanceof Refused && (error.status === 401 || error.status === 403)) refused.current();
        throw error;
      }
    };
    const feed = followFeed(look, setFresh);
    return feed.stop;
  }, []);
  const lost = fresh.kind === 'lost';
  const { blocked, ring } = useAlerts({ open: answer?.flags ?? null, lost });
  return (
    <div class="wall" style={{ fontSize: `${fixedPx ?? fontPx}px` }}>
      <header class="wall-head">
        {fixedPx === undefined ? <h1>{words.heading}</h1> : <h2>{words.heading}</h2>}
        <span>{answer === null || lost ? '' : feedWords.waitingScans(answer.unread, answer.flagged)}</span>
        <span class="spacer" />
        <span class={`feed-${fresh.kind}`}>
          {answer === null && fresh.kind === 'live' ? '' : freshText(fresh, answer)}
        </span>
        {fixedPx === undefined && (
          <button type="button" aria-expanded={setting} onClick={() => setSetting(!setting)}>
            {words.setUp}
          </button>
        )}
      </header>
      <div role="alert">
        {fresh.kind === 'lost' && <p class="wall-lost">{feedWords.lostFeed(clockTime(fresh.sinceMs, Date.now()))}</p>}
        {(lost ? [] : faultsOf(answer)).map((fault) => (
          <p key={fault} class="wall-fault kind-fault">
            {fault}
          </p>
        ))}
      </div>
      {setting && (
        <WallSetUp
          onDone={() => {
            setFontPx(chosenFontPx());
            setSetting(false);
          }}
          blocked={blocked}
          ring={ring}
        />
      )}
      <div class={lost ? 'wall-body frozen' : 'wall-body'}>
        {answer === null ? (
          <p>{slowLoad ? feedWords.stillLoading : ''}</p>
        ) : answer.total === 0 ? (
          <p>{emptyText(fresh, answer.stopped, answer.lastReceivedAtMs, answer.nowMs)}</p>
        ) : (
          <Rows rows={answer.rows} maxWaitMinutes={answer.maxWaitMinutes} shown={shown} onShown={setShown} />
        )}
      </div>
      {/* One line that is always there, so that the room for rows stays the same. */}
      <footer class="wall-foot">
        <span>{answer !== null && answer.total > shown ? words.more(answer.total - shown) : ''}</span>
        <small class="muted">
          {answer !== null && answer.flagged > 0 && <span class="flag-means">{words.flagMeans} </span>}
          {words.notDiagnostic} <Unvalidated />
        </small>
      </footer>
    </div>
  );
}

/** Includes the time of the list, because nobody reloads it. */
function freshText(fresh: Freshness, answer: WallAnswer | null): string {
  const stopped = answer?.stopped ?? [];
  const nowMs = answer?.nowMs ?? Date.now();
  const { text } = statusLine(fresh, stopped, nowMs);
  return fresh.kind === 'live' && stopped.length === 0 ? `${text} ${minuteTime(nowMs, nowMs)}` : text;
}

function faultsOf(answer: WallAnswer | null): string[] {
  if (answer === null) return [];
  return [
    ...answer.stopped.map((one) => feedWords.remedies[one.why]),
    ...(answer.proofAlarm ? [words.proofAlarm] : []),
  ];
}

/** As many rows as fit completely, and the number of the others: nobody scrolls a wall screen. */
function Rows({
  rows,
  maxWaitMinutes,
  shown,
  onShown,
}: {
  rows: readonly Row[];
  maxWaitMinutes: number;
  shown: number;
  onShown: (count: number) => void;
}) {
  const list = useRef<HTMLOListElement>(null);
  const measure = () => {
    const box = list.current;
    if (box === null) return;
    const bottom = box.getBoundingClientRect().bottom + 1;
    onShown([...box.children].filter((row) => row.getBoundingClientRect().bottom <= bottom).length);
  };
  useLayoutEffect(measure);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (list.current !== null) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  return (
    <ol class="wall-rows" ref={list}>
      {rows.map((row, index) => (
        <li key={row.caseRef} class={index < shown ? '' : 'beyond'}>
          <State row={row} />
          <Facts row={row} maxWaitMinutes={maxWaitMinutes} />
        </li>
      ))}
    </ol>
  );
}

/** However long the reason is, what to do stays in sight. Where a row has one line, what every flag says stands once below the list, and the place takes its room. */
function State({ row: { status, stateText, finding } }: { row: Row }) {
  const look = LOOKS[status];
  if (finding !== null && stateText.endsWith(words.ofEveryFlag))
    return (
      <>
        <Sign status={status} />
        <span class={`wall-state kind-${look.kind}`}>
          {stateText.slice(0, -words.ofEveryFlag.length)}
          <span class="of-every-flag">{words.ofEveryFlag}</span>
          <strong class="beside"> {finding}</strong>
        </span>
      </>
    );
  const at = stateText.lastIndexOf(' - ');
  return (
    <>
      <Sign status={status} />
      {at === -1 ? (
        <span class={`wall-state kind-${look.kind}`}>{stateText}</span>
      ) : (
        <span class={`wall-state reasoned kind-${look.kind}`}>
          <span class="reason">{stateText.slice(0, at)}</span>
          <span class="advice">{stateText.slice(at)}</span>
        </span>
      )}
    </>
  );
}

function Sign({ status }: Pick<Row, 'status'>) {
  const { kind, shape } = LOOKS[status];
  return (
    <svg class={`kind-${kind}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={shape} />
    </svg>
  );
}

/** Each one always takes its place, so that they line up in columns where there is room. */
function Facts({ row, maxWaitMinutes }: { row: Row; maxWaitMinutes: number }) {
  const minutes = Math.floor(row.waitMs / 60_000);
  const overdue = minutes >= maxWaitMinutes;
  return (
    <span class="wall-facts">
      <strong class={row.stateText.endsWith(words.ofEveryFlag) ? 'wall-finding said' : 'wall-finding'}>
        {row.finding}
      </strong>
      <span>
        {row.stat && <strong class="kind-fault">{words.stat} </strong>}
        {overdue ? words.overdue(minutes, maxWaitMinutes) : words.waits(minutes)}
      </span>
      <bdi>{row.location}</bdi>
      <span>{row.accessionEnd === '' ? '' : words.accessionEnd(row.accessionEnd)}</span>
      <span class="age">{row.ageBand}</span>
      <span class="kind-info">{row.claimed ? words.claimed : ''}</span>
    </span>
  );
}
