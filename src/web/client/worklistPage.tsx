import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { CaseRow } from './caseRow.tsx';
import { followFeed, type FeedState } from './feed.ts';
import { clockTime } from './format.ts';
import { words } from './words.ts';
import { fetchWorklist, setRead, type WorklistAnswer, type WorklistRow } from './worklistApi.ts';

const STILL_LOADING_AFTER_MS = 3_000;
const COLUMNS = Object.values(words.columns);

/** The worklist. A live update never moves the row under the pointer or the keyboard: it waits until asked for. */
export function WorklistPage() {
  const [shown, setShown] = useState<WorklistAnswer | null>(null);
  const [waiting, setWaiting] = useState<WorklistAnswer | null>(null);
  const [feed, setFeed] = useState<FeedState>({ kind: 'live' });
  const [slowLoad, setSlowLoad] = useState(false);
  const [showRead, setShowRead] = useState(false);
  const [help, setHelp] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const table = useRef<HTMLTableElement>(null);
  const attended = useRef(false);

  const load = useCallback(async () => {
    try {
      const answer = await fetchWorklist();
      setShown((old) => {
        // Someone points at a row or has one in focus: keep its place, offer the update.
        if (old !== null && attended.current && orderOf(answer) !== orderOf(old)) {
          setWaiting(answer);
          return { ...answer, rows: inOldOrder(old.rows, answer.rows) };
        }
        setWaiting(null);
        return answer;
      });
    } catch {
      // The feed's own silence tells the reader; a failed read alone may be a restart.
    }
  }, []);

  const takeUpdate = useCallback(() => {
    setWaiting((answer) => {
      if (answer !== null) setShown(answer);
      return null;
    });
  }, []);

  useEffect(() => {
    const timer = window.setTimeout(() => setSlowLoad(true), STILL_LOADING_AFTER_MS);
    // Waiting times grow without any event.
    const minute = window.setInterval(() => void load(), 30_000);
    const stop = followFeed('/api/events', () => void load(), setFeed);
    void load();
    return () => {
      window.clearTimeout(timer);
      window.clearInterval(minute);
      stop();
    };
  }, [load]);

  const mark = useCallback(
    async (row: WorklistRow) => {
      await setRead(row.studyInstanceUid, row.readAtMs === null);
      await load();
    },
    [load],
  );

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
      const rows = [...(table.current?.querySelectorAll<HTMLElement>('tr.row') ?? [])];
      const at = rows.indexOf(document.activeElement as HTMLElement);
      const row = shown?.rows.find((candidate) => candidate.studyInstanceUid === rows[at]?.dataset['study']);
      const step = (to: number) => {
        event.preventDefault();
        rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
      };
      if (event.key === 'j' || event.key === 'ArrowDown') step(at + 1);
      else if (event.key === 'k' || event.key === 'ArrowUp') step(at - 1);
      else if (event.key === 'Enter' && row && document.activeElement === rows[at]) setOpen((old) => (old === row.studyInstanceUid ? null : row.studyInstanceUid));
      else if (event.key === 'r' && row) void mark(row);
      else if (event.key === '.') takeUpdate();
      else if (event.key === '?') setHelp((old) => !old);
      else if (event.key === 'Escape') {
        setOpen(null);
        setHelp(false);
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [shown, mark, takeUpdate]);

  const attend = (value: boolean) => () => {
    attended.current = value || table.current?.contains(document.activeElement) === true;
    if (!attended.current) takeUpdate();
  };

  const rows = (shown?.rows ?? []).filter((row) => showRead || row.readAtMs === null);
  const news = waiting === null || shown === null ? null : countNew(waiting, shown);
  return (
    <>
      <header>
        <h1>{words.title}</h1>
        <span class="muted">{words.notDiagnostic}</span>
        <span class="spacer" />
        {shown?.system.model && (
          <span class="muted">
            {shown.system.model.name} {shown.system.model.version} on {shown.system.model.provider}
          </span>
        )}
        <span class="feed" data-feed={feed.kind}>
          {feed.kind === 'slow' ? words.slowFeed(feed.silentSeconds) : feed.kind === 'live' ? words.liveFeed : ''}
        </span>
        <label>
          <input type="checkbox" checked={showRead} onChange={() => setShowRead(!showRead)} /> {words.showRead}
        </label>
        <button type="button" onClick={switchTheme}>
          {words.theme}
        </button>
      </header>
      <div aria-live="assertive">
        {feed.kind === 'lost' && <div class="banner stale">{words.lostFeed(clockTime(feed.sinceMs, Date.now()))}</div>}
        {shown && shown.system.model === null && <div class="banner fault">{words.noModel} {shown.system.modelError}</div>}
        {shown && !shown.system.receiver.up && <div class="banner fault">{words.receiverDown}</div>}
      </div>
      {help && <p class="empty">{words.help}</p>}
      {news && (
        <button type="button" class="pill" onClick={takeUpdate}>
          {words.pending(news.count, news.flagged)}
        </button>
      )}
      <main class={feed.kind === 'lost' ? 'stale-list' : ''}>
        {shown === null && (
          <div aria-busy="true">
            <div class="skeleton" />
            <div class="skeleton" />
            <div class="skeleton" />
            {slowLoad && <p class="empty">{words.stillLoading}</p>}
          </div>
        )}
        {shown !== null && rows.length === 0 && <p class="empty">{words.empty(shown.totals.lastReceivedAtMs === null ? null : clockTime(shown.totals.lastReceivedAtMs, shown.nowMs))}</p>}
        {shown !== null && rows.length > 0 && (
          <div class="scroll">
            <table ref={table} onPointerEnter={attend(true)} onPointerLeave={attend(false)} onFocusIn={attend(true)} onFocusOut={() => window.setTimeout(attend(false))}>
              <thead>
                <tr>
                  {COLUMNS.map((title) => (
                    <th key={title} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <CaseRow
                    key={row.studyInstanceUid}
                    row={row}
                    nowMs={shown.nowMs}
                    maxWaitMinutes={shown.maxWaitMinutes}
                    columns={COLUMNS.length}
                    open={open === row.studyInstanceUid}
                    onToggle={() => setOpen(open === row.studyInstanceUid ? null : row.studyInstanceUid)}
                    onMark={() => void mark(row)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </main>
    </>
  );
}

function orderOf(answer: WorklistAnswer): string {
  return answer.rows.map((row) => row.studyInstanceUid).join();
}

/** The old rows in their old places with what is known now; new rows stay out until asked for. */
function inOldOrder(old: readonly WorklistRow[], now: readonly WorklistRow[]): WorklistRow[] {
  const byStudy = new Map(now.map((row) => [row.studyInstanceUid, row]));
  return old.flatMap((row) => byStudy.get(row.studyInstanceUid) ?? []);
}

function countNew(waiting: WorklistAnswer, shown: WorklistAnswer): { count: number; flagged: number } {
  const known = new Set(shown.rows.map((row) => row.studyInstanceUid));
  const fresh = waiting.rows.filter((row) => !known.has(row.studyInstanceUid));
  return { count: fresh.length, flagged: waiting.rows.filter((row) => row.decision === 'suspected' && row.readAtMs === null).length };
}

function switchTheme(): void {
  const root = document.documentElement;
  root.dataset['theme'] = root.dataset['theme'] === 'light' ? 'dark' : 'light';
}
