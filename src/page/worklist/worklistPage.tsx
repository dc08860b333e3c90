import './worklist.css';
import { useLocation } from 'preact-iso';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { AlertChoices, useAlerts } from '../alerts/alerts.tsx';
import { setClaimed, setRead } from '../case/caseApi.ts';
import { CaseRow } from './caseRow.tsx';
import { chosenColumns, COLUMNS } from './columns.ts';
import { ColumnChooser } from './columnChooser.tsx';
import { followFeed, LIVE, type Feed, type Freshness } from '../parts/feed.ts';
import { clockTime, personName } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import type Thumbnail from './thumbnail.tsx';
import { useListWindow } from './useListWindow.ts';
import { words } from './worklistWords.ts';
import { alertWords } from '../alerts/alertWords.ts';
import { feedWords } from '../parts/feedWords.ts';
import type { WorklistAnswer, WorklistRow } from '../parts/listAnswer.ts';
import { fetchWorklist, showNames, type ListQuery } from './worklistApi.ts';

const STILL_LOADING_AFTER_MS = 3_000;
/** Rows that are asked for at a time. */
const PAGE_ROWS = 100;
const MOST_ROWS = 400;
/** A desk that nobody uses hides names. */
const MASK_AFTER_MS = 300_000;
const SEARCH_AFTER_MS = 200;
const THUMBNAIL_AFTER_MS = 350;
const STRIP_FLAGS = 4;

const EVERYTHING: ListQuery = { show: 'all', search: '', location: '', read: false };
const SHOWS = ['all', 'flagged', 'unscored', 'unflagged'] as const;

/** How the reader left the list, for when they come back from a case. */
const left = { query: EVERYTHING, scrollPx: 0, caseRef: null as string | null };

interface List {
  answer: WorklistAnswer;
  /** By place. All of one list. */
  rows: ReadonlyMap<number, WorklistRow>;
}

/** The worklist. A live update never moves the row under the pointer or the keyboard: it waits until asked for. */
export default function WorklistPage() {
  const { route } = useLocation();
  const [list, setList] = useState<List | null>(null);
  const [query, setQuery] = useState<ListQuery>(left.query);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const [slowLoad, setSlowLoad] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [columns, setColumns] = useState(chosenColumns);
  const [masked, setMasked] = useState(false);
  const [focusAt, setFocusAt] = useState<number | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const choice = useRef<HTMLSelectElement>(null);
  const feed = useRef<Feed | null>(null);
  /** The place that is to get the keyboard once its row is on the screen; `caseRef` when that study is meant wherever it stands. */
  const wanted = useRef<{ index: number; caseRef: string | null } | null>(null);
  const asked = useRef({ query, masked });
  /** Counts lists that were asked for anew: what is still on its way for an older one is not shown. */
  const turn = useRef(0);
  const listRef = useRef(list);
  listRef.current = list;

  const total = list?.answer.total ?? 0;
  /** By the reader's wish, or by the site's. */
  const hidden = masked || list?.answer.masked === true;
  const { virtualizer, rowPx } = useListWindow(scroller, total, focusAt, left.scrollPx);
  const items = virtualizer.getVirtualItems();
  const span = useRef({ first: 0, last: 0 });
  span.current = { first: items[0]?.index ?? 0, last: items.at(-1)?.index ?? 0 };

  /** Someone points at a row, or has one in focus while the page is in use. */
  const attended = useCallback(
    () =>
      body.current !== null &&
      (body.current.matches(':hover') || (document.hasFocus() && body.current.contains(document.activeElement))),
    [],
  );
  const focusedIndex = () => {
    const row = body.current?.contains(document.activeElement) ? document.activeElement?.closest('tr') : null;
    return row?.dataset['index'] === undefined ? null : Number(row.dataset['index']);
  };

  const take = useCallback((answer: WorklistAnswer) => {
    setList((old) => {
      const rows = new Map(old?.answer.list === answer.list ? old.rows : []);
      answer.rows.forEach((row, at) => {
        if (row === null) rows.delete(answer.offset + at);
        else rows.set(answer.offset + at, row);
      });
      return { answer, rows };
    });
  }, []);
  /** Reads what is in sight: of the list on the screen while somebody attends to it, else of the list as it is now. */
  const read = useCallback(
    async (keep: boolean, beforeTaken?: () => void) => {
      const { first, last } = span.current;
      const offset = Math.floor(first / PAGE_ROWS) * PAGE_ROWS;
      const limit = Math.min(MOST_ROWS, (Math.floor(last / PAGE_ROWS) + 1) * PAGE_ROWS - offset);
      const known = listRef.current?.answer.list ?? null;
      const asking = asked.current;
      const mine = keep ? turn.current : (turn.current += 1);
      const answer = await fetchWorklist({
        ...asking.query,
        masked: asking.masked,
        list: keep ? known : null,
        offset,
        limit,
      });
      if (asked.current !== asking || turn.current !== mine) return;
      // Another list has come meanwhile: what was read of the one before must not bring it back.
      if (keep && (listRef.current?.answer.list ?? null) !== known) return;
      beforeTaken?.();
      take(answer);
    },
    [take],
  );
  const refuse = useCallback((error: unknown) => reportError(error), []);

  const takeUpdate = useCallback(() => {
    const index = focusedIndex();
    const row = index === null ? undefined : listRef.current?.rows.get(index);
    // Before the list is drawn, for the drawing moves the focus. From a scan that is read one goes on to the next; if any other is out of sight, no key may reach
    // the patient who stands in its place now.
    const keepPlace = () => {
      if (index !== null)
        wanted.current = {
          index: row === undefined || row.readAtMs === null ? -1 : index,
          caseRef: row?.caseRef ?? null,
        };
    };
    read(false, keepPlace).catch(refuse);
  }, [read, refuse]);
  const release = useCallback(() => {
    // The event comes before the focus or the pointer has arrived elsewhere.
    window.setTimeout(() => {
      if (!attended() && listRef.current !== null && listRef.current.answer.waiting !== null) takeUpdate();
    });
  }, [attended, takeUpdate]);

  useEffect(() => {
    const timer = window.setTimeout(() => setSlowLoad(true), STILL_LOADING_AFTER_MS);
    feed.current = followFeed('/api/events', () => read(attended()), setFresh);
    window.addEventListener('blur', release);
    if (left.caseRef !== null) wanted.current = { index: -1, caseRef: left.caseRef };
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener('blur', release);
      feed.current?.stop();
    };
  }, [attended, release, read]);

  // Another choice is another list, from its top.
  const choose = (change: Partial<ListQuery>) => {
    const next = { ...query, ...change };
    left.query = next;
    setQuery(next);
    asked.current = { query: next, masked };
    span.current = { first: 0, last: 0 };
    virtualizer.scrollToOffset(0);
    read(false).catch(refuse);
  };
  const mask = useCallback(
    (value: boolean) => {
      setMasked(value);
      asked.current = { query: asked.current.query, masked: value };
      read(true).catch(refuse);
    },
    [read, refuse],
  );
  /** The audit knows who asked for names. */
  const unmask = () => {
    showNames().then(
      () => mask(false),
      () => setProblem(words.namesNotShown),
    );
  };
  useEffect(() => {
    let timer = 0;
    const used = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => mask(true), MASK_AFTER_MS);
    };
    used();
    const events = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;
    for (const event of events) document.addEventListener(event, used, { passive: true });
    return () => {
      window.clearTimeout(timer);
      for (const event of events) document.removeEventListener(event, used);
    };
  }, [mask]);

  // Rows that have come into sight and are not here yet.
  const missing = items.some(({ index }) => list !== null && !list.rows.has(index));
  const missingFrom = missing ? Math.floor((items[0]?.index ?? 0) / PAGE_ROWS) : -1;
  useEffect(() => {
    if (missingFrom < 0) return;
    const timer = window.setTimeout(() => {
      read(true).catch(refuse);
    }, 30);
    return () => window.clearTimeout(timer);
  }, [missingFrom, list?.answer.list, read, refuse]);

  useLayoutEffect(() => {
    if (wanted.current === null || list === null) return;
    const { index, caseRef } = wanted.current;
    let to = index;
    if (caseRef !== null) {
      const found = [...list.rows].find(([, row]) => row.caseRef === caseRef);
      to = found?.[0] ?? index;
    }
    if (to < 0 || total === 0) {
      wanted.current = null;
      setFocusAt(null);
      return;
    }
    to = Math.min(to, total - 1);
    const opener = body.current?.querySelector<HTMLElement>(`tr[data-index="${to}"] .opener`);
    if (opener == null) {
      wanted.current = { index: to, caseRef: null };
      virtualizer.scrollToIndex(to);
      return;
    }
    wanted.current = null;
    setFocusAt(to);
    opener.focus({ preventScroll: true });
    virtualizer.scrollToIndex(to);
  });

  const open = (caseRef: string) => {
    left.caseRef = caseRef;
    left.scrollPx = scroller.current?.scrollTop ?? 0;
    route(`/case/${caseRef}`);
  };
  const act = (row: WorklistRow, work: Promise<void>) => {
    work.then(
      () => {
        setProblem(null);
        return feed.current?.refresh();
      },
      () => setProblem(words.notSaved(hidden ? words.masked : personName(row.patientName))),
    );
  };
  const claim = (row: WorklistRow) => act(row, setClaimed(row.caseRef, row.claimedBy === null));
  const onFocused = (run: (row: WorklistRow) => void) => () => {
    const index = focusedIndex();
    const row = index === null ? undefined : list?.rows.get(index);
    if (row !== undefined) run(row);
  };
  const step = (by: number) => (event: KeyboardEvent) => {
    event.preventDefault();
    if (total === 0) return;
    const at = focusedIndex();
    const to = at === null ? span.current.first : Math.max(0, Math.min(total - 1, at + by));
    wanted.current = { index: at === null && left.scrollPx === 0 ? 0 : to, caseRef: null };
    setFocusAt(to);
    virtualizer.scrollToIndex(to);
    virtualizer.options.onChange(virtualizer, false);
  };

  const lost = fresh.kind === 'lost';
  useKeys(
    lost
      ? []
      : [
          { keys: ['j', 'ArrowDown'], shown: 'J', does: words.keys.next, repeats: true, run: step(1) },
          { keys: ['k', 'ArrowUp'], shown: 'K', does: words.keys.previous, repeats: true, run: step(-1) },
          { keys: [], shown: 'Enter', does: words.keys.open, run: () => undefined },
          { keys: ['a'], shown: 'A', does: words.keys.claim, run: onFocused(claim) },
          {
            keys: ['r'],
            shown: 'R',
            does: words.keys.read,
            run: onFocused((row) => act(row, setRead(row.caseRef, row.readAtMs === null))),
          },
          { keys: ['.'], shown: '.', does: words.keys.update, run: takeUpdate },
          {
            keys: ['/'],
            shown: '/',
            does: words.keys.search,
            run: (event) => {
              event.preventDefault();
              search.current?.focus();
            },
          },
          {
            keys: ['f'],
            shown: 'F',
            does: words.keys.filter,
            run: (event) => {
              event.preventDefault();
              choice.current?.focus();
            },
          },
          {
            keys: ['Escape'],
            shown: 'Esc',
            does: words.keys.leave,
            run: () => {
              setFocusAt(null);
              if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
            },
          },
        ],
  );

  const { fresh: freshFlags, blocked, ring } = useAlerts(list?.answer.flags.open ?? null, lost);
  const searchLater = useMemo(() => {
    let timer = 0;
    return (run: () => void) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(run, SEARCH_AFTER_MS);
    };
  }, []);
  const [thumbnail, setThumbnail] = useState<{ caseRef: string; Picture: typeof Thumbnail } | null>(null);
  useEffect(() => {
    setThumbnail(null);
    if (pointed === null || hidden) return;
    let current = true;
    const timer = window.setTimeout(() => {
      // A picture that cannot be had is no reason to trouble the list.
      import('./thumbnail.tsx').then(
        ({ default: Picture }) => current && setThumbnail({ caseRef: pointed, Picture }),
        () => undefined,
      );
    }, THUMBNAIL_AFTER_MS);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [pointed, hidden]);
  const pointAt = (target: EventTarget | null) => {
    const index = target instanceof Element ? target.closest<HTMLElement>('tr.row')?.dataset['index'] : undefined;
    const row = index === undefined ? undefined : list?.rows.get(Number(index));
    setPointed(row !== undefined && row.keySlices.length > 0 ? row.caseRef : null);
  };

  const answer = list?.answer ?? null;
  const system = answer?.system ?? null;
  const waiting = answer?.waiting ?? null;
  const narrowed = query.show !== 'all' || query.search !== '' || query.location !== '';
  const again = answer === null || query.read ? 0 : answer.flags.afterRead;
  // What was chosen stays choosable when its last case has been read.
  const places = [...new Set([...(answer?.locations ?? []), ...(query.location === '' ? [] : [query.location])])];
  // A site whose scanners do not say where a patient is gets no empty column.
  const shownColumns = COLUMNS.filter(({ name }) => name !== 'location' || places.length > 0).filter(({ name }) =>
    columns.includes(name),
  );
  const names = shownColumns.map(({ name }) => name);
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <>
      <div class="toolbar">
        <h1>{words.title}</h1>
        <input
          class="search"
          type="search"
          ref={search}
          aria-label={words.search}
          placeholder={words.search}
          defaultValue={query.search}
          onInput={(event) => {
            const value = event.currentTarget.value;
            searchLater(() => choose({ search: value }));
          }}
        />
        <label>
          {words.show}{' '}
          <select
            ref={choice}
            value={query.show}
            onChange={(event) => choose({ show: event.currentTarget.value as ListQuery['show'] })}
          >
            {SHOWS.map((show) => (
              <option key={show} value={show}>
                {words.shows[show]}
              </option>
            ))}
          </select>
        </label>
        {places.length > 0 && (
          <select
            aria-label={words.where}
            value={query.location}
            onChange={(event) => choose({ location: event.currentTarget.value })}
          >
            <option value="">{words.everywhere}</option>
            {places.map((place) => (
              <option key={place} value={place}>
                {place}
              </option>
            ))}
          </select>
        )}
        <label>
          <input
            type="checkbox"
            checked={query.read}
            disabled={answer === null}
            onChange={() => choose({ read: !query.read })}
          />{' '}
          {words.showRead}
        </label>
        <ColumnChooser chosen={columns} onChoose={setColumns} />
        <AlertChoices blocked={blocked} ring={ring} />
        {(answer?.namesMayBeShown ?? true) && (
          <button type="button" aria-pressed={hidden} onClick={() => (hidden ? unmask() : mask(true))}>
            {words.hideNames}
          </button>
        )}
      </div>
      {/* One line that is always there, so that what it says never moves the rows. */}
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
        <div role="status">
          {waiting !== null && !lost && (
            <button type="button" class={waiting.flagged > 0 ? 'pill kind-flag' : 'pill'} onClick={takeUpdate}>
              {waiting.count > 0 ? words.pending(waiting.count, waiting.flagged) : words.reordered}
            </button>
          )}
        </div>
        {!lost && freshFlags.length > 0 && (
          <ul class="flag-strip" aria-label={alertWords.newFlags}>
            {freshFlags.length > STRIP_FLAGS && <li class="kind-flag">{alertWords.newFlagsOf(freshFlags.length)}</li>}
            {freshFlags.slice(0, STRIP_FLAGS).map((flag) => (
              <li key={flag.caseRef}>
                <a class="kind-flag" href={`/case/${flag.caseRef}`}>
                  {alertWords.flagAt(clockTime(flag.flaggedAtMs, answer?.nowMs ?? flag.flaggedAtMs))}
                </a>
              </li>
            ))}
          </ul>
        )}
        {/* Takes what room is left and asks for none: whether a network is there never moves the rows. */}
        <span class="spacer model muted">
          {system?.model && words.model(system.model.name, system.model.version, system.model.provider)}
        </span>
        <span class="feed" data-feed={fresh.kind}>
          {fresh.kind === 'slow'
            ? feedWords.slowFeed(fresh.silentSeconds)
            : fresh.kind === 'live' && answer !== null
              ? feedWords.liveFeed
              : ''}
        </span>
      </section>
      {/* A list that may be wrong is shown without colour and takes no orders. */}
      <div class="scroller" ref={scroller} tabIndex={0} role="region" aria-label={words.title}>
        <div class={lost ? 'list frozen' : 'list'} inert={lost}>
          {answer === null && (
            <div aria-busy="true">
              <div class="skeleton" />
              <div class="skeleton" />
              <div class="skeleton" />
              {slowLoad && <p class="empty">{feedWords.stillLoading}</p>}
            </div>
          )}
          {answer !== null && answer.total === 0 && (
            <div class="empty">
              {narrowed && answer.allTotal > 0 ? (
                <>
                  {words.noneMatch(answer.allTotal)}{' '}
                  <button
                    type="button"
                    onClick={() => {
                      if (search.current) search.current.value = '';
                      choose({ show: 'all', search: '', location: '' });
                    }}
                  >
                    {words.clearFilters}
                  </button>
                </>
              ) : fresh.kind === 'live' && system?.receiver.up ? (
                feedWords.empty(
                  answer.totals.lastReceivedAtMs === null
                    ? null
                    : clockTime(answer.totals.lastReceivedAtMs, answer.nowMs),
                )
              ) : (
                feedWords.emptyUnsure
              )}
            </div>
          )}
          {answer !== null && answer.total > 0 && (
            <table
              role="table"
              class={names.includes('location') ? 'with-location' : ''}
              aria-rowcount={answer.total + 1}
            >
              <caption class="unseen">{words.title}</caption>
              <colgroup>
                {names.map((name) => (
                  <col key={name} class={`column-${name}`} />
                ))}
              </colgroup>
              <thead role="rowgroup">
                <tr role="row">
                  {shownColumns.map(({ name, title }) => (
                    <th key={name} scope="col" role="columnheader">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody
                role="rowgroup"
                ref={body}
                onPointerOver={(event) => pointAt(event.target)}
                onPointerLeave={() => {
                  setPointed(null);
                  release();
                }}
                onFocusIn={(event) => {
                  setFocusAt(focusedIndex());
                  pointAt(event.target);
                }}
                onFocusOut={() => {
                  setPointed(null);
                  release();
                }}
              >
                {above > 0 && <Space key="above" px={above} columns={names.length} />}
                {items.map(({ index }) => {
                  const row = list?.rows.get(index);
                  return row === undefined ? (
                    <Space key={`space-${index}`} px={rowPx} columns={names.length} />
                  ) : (
                    <CaseRow
                      key={row.caseRef}
                      row={row}
                      index={index}
                      columns={names}
                      nowMs={answer.nowMs}
                      maxWaitMinutes={answer.maxWaitMinutes}
                      viewerTemplate={answer.viewerTemplate}
                      masked={answer.masked}
                      onOpen={open}
                      onClaim={claim}
                    />
                  );
                })}
                {below > 0 && <Space key="below" px={below} columns={names.length} />}
              </tbody>
            </table>
          )}
        </div>
      </div>
      {thumbnail !== null && <thumbnail.Picture key={thumbnail.caseRef} caseRef={thumbnail.caseRef} />}
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
          {system?.proofOfLife.alarm != null && <p class="banner kind-fault">{system.proofOfLife.alarm}</p>}
          {again > 0 && (
            <p class="banner kind-flag">
              {words.flaggedAfterRead(again)}{' '}
              <button type="button" onClick={() => choose({ read: true })}>
                {words.showRead}
              </button>
            </p>
          )}
          {hidden && (
            <p class="banner kind-info">
              {words.namesHidden}{' '}
              {answer?.namesMayBeShown === true && (
                <button type="button" onClick={unmask}>
                  {words.showNames}
                </button>
              )}
            </p>
          )}
        </div>
      </footer>
    </>
  );
}

/** Room of rows that are not drawn. */
function Space({ px, columns }: { px: number; columns: number }) {
  return (
    <tr class="space" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${px}px` }} />
    </tr>
  );
}
