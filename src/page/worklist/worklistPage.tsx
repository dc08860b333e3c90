import './worklist.css';
import { useLocation } from 'preact-iso';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useShellAlerts } from '../alerts/shellAlerts.tsx';
import { setClaimed, setRead } from '../case/caseApi.ts';
import { personName } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { openViewer } from '../parts/openViewer.ts';
import { viewerLink } from '../parts/viewerLink.ts';
import { useIdle } from '../parts/useIdle.ts';
import { useIsAdmin } from '../parts/useIsAdmin.ts';
import { useRelease } from '../parts/useRelease.tsx';
import { Banners } from './banners.tsx';
import { CaseTable } from './caseTable.tsx';
import { chosenColumns } from './columns.ts';
import { placesToChoose } from './heldList.ts';
import { leftList } from './leftList.ts';
import { EVERYTHING, isNarrowed, type ListQuery, type Span } from './listQuery.ts';
import { Empty, Loading } from './noRows.tsx';
import { UpdatesSlot } from './updatesSlot.tsx';
import { isAttended, useRows } from './useRows.ts';
import { useThumbnail } from './useThumbnail.tsx';
import { useWorklist } from './useWorklist.ts';
import { showNames } from './worklistApi.ts';
import { worklistKeys } from './worklistKeys.ts';
import { WorklistToolbar } from './worklistToolbar.tsx';
import { words } from './worklistWords.ts';

/** Names are hidden after this time without input. */
const MASK_AFTER_MS = 300_000;
const TOP: Span = { first: 0, last: 0 };

/** The worklist. A live update never moves the row under the pointer or the keyboard: it waits until asked for. */
export default function WorklistPage() {
  const { route } = useLocation();
  const body = useRef<HTMLTableSectionElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const choice = useRef<HTMLSelectElement>(null);
  const span = useRef(TOP);
  const [problem, setProblem] = useState<string | null>(null);
  const [columns, setColumns] = useState(chosenColumns);

  const attended = useCallback(() => isAttended(body.current), []);
  const { list, query, masked, fresh, read, mask, ...worklist } = useWorklist(span, attended);
  const readMore = useCallback(() => read(false), [read]);
  const rows = useRows(scroller, body, list, readMore);
  span.current = rows.span;
  const answer = list?.answer ?? null;
  const lost = fresh.kind === 'lost';
  /** Names are hidden by the reader's choice, or by the site's. */
  const hidden = masked || answer?.masked === true;
  const thumbnail = useThumbnail(list, hidden);
  const { fresh: freshFlags, ...alerts } = useShellAlerts(answer, lost);
  useIdle(
    MASK_AFTER_MS,
    useCallback(() => mask(true), [mask]),
  );

  const takeUpdate = () => read(true, rows.keepPlace());
  const release = useOnceReleased(attended, () => {
    if (answer !== null && answer.waiting !== null) takeUpdate();
  });
  // Other filters give another list, shown from its top.
  const choose = (change: Partial<ListQuery>) => {
    span.current = TOP;
    rows.toTop();
    worklist.choose(change);
  };
  /** The audit records who asked for names. */
  const unmask = () => {
    showNames().then(
      () => mask(false),
      () => setProblem(words.namesNotShown),
    );
  };
  const open = (caseRef: string) => {
    leftList.caseRef = caseRef;
    leftList.scrollPx = scroller.current?.scrollTop ?? 0;
    route(`/case/${caseRef}`);
  };
  const act = (row: WorklistRow, work: Promise<void>) => {
    work.then(
      () => {
        setProblem(null);
        return worklist.refresh();
      },
      () => setProblem(words.notSaved(hidden ? words.masked : personName(row.patientName))),
    );
  };
  const claim = (row: WorklistRow) => act(row, setClaimed(row.caseRef, row.claimedBy === null));
  const isAdmin = useIsAdmin();
  const { askRelease, dialogs } = useRelease((refusal) => {
    setProblem(refusal);
    worklist.refresh().catch(reportError);
  });
  const markRead = (row: WorklistRow) => act(row, setRead(row.caseRef, row.readAtMs === null));
  const view = (row: WorklistRow) => openViewer(viewerLink(answer?.viewerTemplate ?? null, row));
  useKeys(lost ? [] : worklistKeys(rows, { claim, read: markRead, view, update: takeUpdate, search, choice }));

  const narrowed = isNarrowed(query);
  const places = placesToChoose(list, query.location);
  return (
    <>
      <WorklistToolbar
        query={query}
        onChoose={choose}
        places={places}
        isLoaded={answer !== null}
        columns={columns}
        onColumns={setColumns}
        alerts={alerts}
        names={(answer?.namesMayBeShown ?? true) ? { hidden, onToggle: () => (hidden ? unmask() : mask(true)) } : null}
        search={search}
        choice={choice}
      />
      <UpdatesSlot {...{ answer, fresh, narrowed, problem, freshFlags }} onUpdate={takeUpdate} />
      {/* A list that may be wrong is shown without colour and accepts no actions. */}
      <div class="scroller" ref={scroller} tabIndex={0} role="region" aria-label={words.title}>
        <div class={lost ? 'list frozen' : 'list'} inert={lost}>
          {list === null && <Loading />}
          {answer !== null && answer.total === 0 && (
            <Empty
              {...{ answer, narrowed, fresh, isAdmin }}
              onClear={() => {
                if (search.current) search.current.value = '';
                choose({ ...EVERYTHING, read: query.read });
              }}
            />
          )}
          {list !== null && list.answer.total > 0 && (
            <CaseTable
              {...{ list, rows, body }}
              // If the scanners do not say where a patient is, the list has no empty column for it.
              columns={columns.filter((name) => name !== 'location' || places.length > 0)}
              onPoint={thumbnail.pointAt}
              onRelease={release}
              onOpen={open}
              onClaim={claim}
              askRelease={isAdmin ? askRelease : null}
            />
          )}
        </div>
      </div>
      {thumbnail.picture}
      {dialogs}
      <Banners
        {...{ answer, hidden }}
        showsRead={query.read}
        onShowRead={() => choose({ read: true })}
        onUnmask={unmask}
      />
    </>
  );
}

/** Runs `then` once nobody attends to the list any more: called when focus or pointer leave it, and when the window loses the focus. */
function useOnceReleased(attended: () => boolean, then: () => void): () => void {
  const newest = useRef(then);
  newest.current = then;
  const release = useCallback(() => {
    // The event is fired before focus or pointer have arrived elsewhere.
    window.setTimeout(() => {
      if (!attended()) newest.current();
    });
  }, [attended]);
  useEffect(() => {
    window.addEventListener('blur', release);
    return () => window.removeEventListener('blur', release);
  }, [release]);
  return release;
}
