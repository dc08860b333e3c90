import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Account } from './account.tsx';
import { CaseRow, COLUMNS } from './caseRow.tsx';
import { followFeed, LIVE, type Feed, type Freshness } from './feed.ts';
import { clockTime, personName } from './format.ts';
import { flaggedAfterRead, inPlace, isFlagged, listed, waitingUpdate } from './listOrder.ts';
import { applyTheme, keepPreference, preference } from './preferences.ts';
import { words } from './words.ts';
import { fetchWorklist, setRead, type WorklistAnswer, type WorklistRow } from './worklistApi.ts';

const STILL_LOADING_AFTER_MS = 3_000;

interface List {
  answer: WorklistAnswer;
  /** On the screen, in this order. */
  rows: WorklistRow[];
  showRead: boolean;
}

/** The worklist. A live update never moves the row under the pointer or the keyboard: it waits until asked for. */
export function WorklistPage() {
  const [list, setList] = useState<List | null>(null);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const [slowLoad, setSlowLoad] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [help, setHelp] = useState(false);
  const [singleKeys, setSingleKeys] = useState(preference('singleKeys') === 'on');
  const [theme, setTheme] = useState(preference('theme'));
  const [open, setOpen] = useState<string | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const feed = useRef<Feed | null>(null);
  /** The row that had the keyboard when the list was last reordered by the reader's leave. */
  const refocus = useRef<{ study: string; index: number } | null>(null);

  /** Someone points at a row, or has one in focus while the page is in use. */
  const attended = useCallback(
    () =>
      body.current !== null &&
      (body.current.matches(':hover') || (document.hasFocus() && body.current.contains(document.activeElement))),
    [],
  );
  const openers = () => [...(body.current?.querySelectorAll<HTMLElement>('.opener') ?? [])];
  const studyOf = (element: Element | null) => element?.closest<HTMLElement>('[data-study]')?.dataset['study'];

  const takeUpdate = useCallback(() => {
    const study = body.current?.contains(document.activeElement) ? studyOf(document.activeElement) : undefined;
    if (study !== undefined)
      refocus.current = { study, index: openers().findIndex((opener) => studyOf(opener) === study) };
    setList((old) => old && { ...old, rows: listed(old.answer.rows, old.showRead) });
  }, []);
  const release = useCallback(() => {
    // The event comes before the focus or the pointer has arrived elsewhere.
    window.setTimeout(() => {
      if (!attended()) takeUpdate();
    });
  }, [attended, takeUpdate]);

  useLayoutEffect(() => {
    if (refocus.current === null) return;
    const { study, index } = refocus.current;
    refocus.current = null;
    if (body.current?.contains(document.activeElement)) return;
    const all = openers();
    (all.find((opener) => studyOf(opener) === study) ?? all[Math.min(index, all.length - 1)])?.focus();
  }, [list]);

  useEffect(() => {
    const timer = window.setTimeout(() => setSlowLoad(true), STILL_LOADING_AFTER_MS);
    const read = async () => {
      const answer = await fetchWorklist();
      setList((old) => {
        const showRead = old?.showRead ?? false;
        return {
          answer,
          showRead,
          rows: old !== null && attended() ? inPlace(old.rows, answer.rows) : listed(answer.rows, showRead),
        };
      });
    };
    feed.current = followFeed('/api/events', read, setFresh);
    window.addEventListener('blur', release);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener('blur', release);
      feed.current?.stop();
    };
  }, [attended, release]);

  const lost = fresh.kind === 'lost';
  const mark = useCallback((row: WorklistRow) => {
    setRead(row.studyInstanceUid, row.readAtMs === null).then(
      () => {
        setProblem(null);
        return feed.current?.refresh();
      },
      () => setProblem(words.notSaved(personName(row.patientName))),
    );
  }, []);
  const toggle = (study: string) => setOpen((old) => (old === study ? null : study));

  // Before the page is painted: a key pressed at what is seen must not meet the rows of before.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || lost) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (key.length === 1 && !singleKeys) return;
      const study = body.current?.contains(document.activeElement) ? studyOf(document.activeElement) : undefined;
      const row = list?.rows.find((candidate) => candidate.studyInstanceUid === study);
      const step = (by: number) => {
        event.preventDefault();
        const all = openers();
        const at = all.findIndex((opener) => studyOf(opener) === study);
        all[Math.max(0, Math.min(all.length - 1, at === -1 ? 0 : at + by))]?.focus();
      };
      if (key === 'j' || key === 'ArrowDown') step(1);
      else if (key === 'k' || key === 'ArrowUp') step(-1);
      else if (key === 'r' && row !== undefined && !event.repeat) mark(row);
      else if (key === '.') takeUpdate();
      else if (key === '?') setHelp((old) => !old);
      else if (key === 'Escape') {
        setOpen(null);
        setHelp(false);
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [list, lost, singleKeys, mark, takeUpdate]);

  const { answer, rows, showRead } = list ?? { answer: null, rows: [], showRead: false };
  const system = answer?.system ?? null;
  const waiting = answer === null ? null : waitingUpdate(rows, listed(answer.rows, showRead));
  const unread = listed(answer?.rows ?? [], false);
  const again = answer === null || showRead ? 0 : flaggedAfterRead(answer.rows);
  const setShowRead = (value: boolean) =>
    setList((old) => old && { ...old, showRead: value, rows: listed(old.answer.rows, value) });
  return (
    <>
      <header>
        <h1>{words.title}</h1>
        <span class="muted">{words.notDiagnostic}</span>
        {/* Takes what room is left and asks for none: whether a network is there never moves the rows. */}
        <span class="spacer model muted">
          {system?.model && words.model(system.model.name, system.model.version, system.model.provider)}
        </span>
        <span class="feed" data-feed={fresh.kind}>
          {fresh.kind === 'slow'
            ? words.slowFeed(fresh.silentSeconds)
            : fresh.kind === 'live' && answer !== null
              ? words.liveFeed
              : ''}
        </span>
        <label>
          <input
            type="checkbox"
            checked={showRead}
            disabled={answer === null}
            onChange={() => setShowRead(!showRead)}
          />{' '}
          {words.showRead}
        </label>
        <button
          type="button"
          aria-pressed={theme === 'light'}
          onClick={() => {
            const next = theme === 'light' ? 'dark' : 'light';
            setTheme(next);
            applyTheme(next);
            keepPreference('theme', next);
          }}
        >
          {words.lightTheme}
        </button>
        <Account />
        <button type="button" aria-expanded={help} onClick={() => setHelp(!help)}>
          {words.help}
        </button>
      </header>
      {/* One line that is always there, so that what it says never moves the rows. */}
      <section class="slot" aria-label={words.updates}>
        <div role="alert" class="alert">
          {fresh.kind === 'lost' ? words.lostFeed(clockTime(fresh.sinceMs, Date.now())) : problem}
        </div>
        {unread.length > 0 && !lost && (
          <span class="muted">{words.waitingScans(unread.length, unread.filter(isFlagged).length)}</span>
        )}
        <div role="status">
          {waiting !== null && !lost && (
            <button type="button" class={waiting.flagged > 0 ? 'pill kind-flag' : 'pill'} onClick={takeUpdate}>
              {waiting.count > 0 ? words.pending(waiting.count, waiting.flagged) : words.reordered}
            </button>
          )}
        </div>
      </section>
      {/* A list that may be wrong is shown without colour and takes no orders. */}
      <main>
        <div class={lost ? 'list frozen' : 'list'} inert={lost}>
          {answer === null && (
            <div aria-busy="true">
              <div class="skeleton" />
              <div class="skeleton" />
              <div class="skeleton" />
              {slowLoad && <p class="empty">{words.stillLoading}</p>}
            </div>
          )}
          {answer !== null && rows.length === 0 && (
            <p class="empty">
              {fresh.kind === 'live' && system?.receiver.up
                ? words.empty(
                    answer.totals.lastReceivedAtMs === null
                      ? null
                      : clockTime(answer.totals.lastReceivedAtMs, answer.nowMs),
                  )
                : words.emptyUnsure}
            </p>
          )}
          {answer !== null && rows.length > 0 && (
            <table>
              <caption class="unseen">{words.title}</caption>
              <colgroup>
                {COLUMNS.map(({ name }) => (
                  <col key={name} class={`column-${name}`} />
                ))}
              </colgroup>
              <thead>
                <tr>
                  {COLUMNS.map(({ name, title }) => (
                    <th key={name} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody ref={body} onPointerLeave={release} onFocusOut={release}>
                {rows.map((row) => (
                  <CaseRow
                    key={row.studyInstanceUid}
                    row={row}
                    nowMs={answer.nowMs}
                    maxWaitMinutes={answer.maxWaitMinutes}
                    open={open === row.studyInstanceUid}
                    onToggle={() => toggle(row.studyInstanceUid)}
                    onMark={() => mark(row)}
                  />
                ))}
              </tbody>
            </table>
          )}
        </div>
      </main>
      {/* Below the list, where they take room from its end and not from its beginning. */}
      <footer>
        <div role="alert">
          {system !== null && system.model === null && (
            <p class="banner kind-fault">
              {words.noModel} {system.modelError}
            </p>
          )}
          {system?.model && system.modelError !== null && (
            <p class="banner kind-fault">
              {words.modelNotTaken(system.model.name, system.model.version)} {system.modelError}
            </p>
          )}
          {system !== null && !system.receiver.up && <p class="banner kind-fault">{words.receiverDown}</p>}
          {again > 0 && (
            <p class="banner kind-flag">
              {words.flaggedAfterRead(again)}{' '}
              <button type="button" onClick={() => setShowRead(true)}>
                {words.showRead}
              </button>
            </p>
          )}
        </div>
        {help && (
          <section class="help" aria-label={words.help}>
            <dl>
              {words.keys.map(([key, meaning]) => (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
            <label>
              <input
                type="checkbox"
                checked={singleKeys}
                onChange={() => {
                  setSingleKeys(!singleKeys);
                  keepPreference('singleKeys', singleKeys ? 'off' : 'on');
                }}
              />{' '}
              {words.singleKeys}
            </label>
          </section>
        )}
      </footer>
    </>
  );
}
