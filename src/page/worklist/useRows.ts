import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { placeOf, type HeldList } from './heldList.ts';
import { leftList } from './leftList.ts';
import { pageBegin, type Span } from './listQuery.ts';
import { useListWindow } from './useListWindow.ts';

const MISSING_ROWS_AFTER_MS = 30;

/** Somebody points at a row, or has focused one while the page is in use. */
export function isAttended(body: HTMLElement | null): boolean {
  return body !== null && (body.matches(':hover') || (document.hasFocus() && body.contains(document.activeElement)));
}

/** Which rows are drawn, and which one has the focus: the focus follows its scan, and never moves to another scan by itself. */
export function useRows(
  scroller: RefObject<HTMLElement | null>,
  body: RefObject<HTMLElement | null>,
  list: HeldList | null,
  readMore: () => void,
) {
  const total = list?.answer.total ?? 0;
  const [focusAt, setFocusAt] = useState<number | null>(null);
  /** The position to focus once its row is drawn; with `caseRef`, that study wherever it stands. */
  const wanted = useRef<{ index: number; caseRef: string | null } | null>(null);
  const { virtualizer, rowPx } = useListWindow(scroller, total, focusAt, leftList.scrollPx);
  const items = virtualizer.getVirtualItems();
  const span: Span = { first: items[0]?.index ?? 0, last: items.at(-1)?.index ?? 0 };

  const focusedIndex = () => {
    const row = body.current?.contains(document.activeElement) ? document.activeElement?.closest('tr') : null;
    return row?.dataset['index'] === undefined ? null : Number(row.dataset['index']);
  };
  const focusedRow = (): WorklistRow | undefined => {
    const index = focusedIndex();
    return index === null ? undefined : list?.rows.get(index);
  };

  useEffect(() => {
    if (leftList.caseRef !== null) wanted.current = { index: -1, caseRef: leftList.caseRef };
  }, []);
  useLayoutEffect(() => {
    if (wanted.current === null || list === null) return;
    const { index, caseRef } = wanted.current;
    const found = (caseRef === null ? undefined : placeOf(list, caseRef)) ?? index;
    if (found < 0 || total === 0) {
      wanted.current = null;
      setFocusAt(null);
      return;
    }
    const to = Math.min(found, total - 1);
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

  // Visible rows that have not loaded yet.
  const missing = list !== null && items.some(({ index }) => !list.rows.has(index));
  const missingFrom = missing ? pageBegin(span.first) : -1;
  useEffect(() => {
    if (missingFrom < 0) return;
    const timer = window.setTimeout(readMore, MISSING_ROWS_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [missingFrom, list?.answer.list, readMore]);

  return {
    items,
    rowPx,
    span,
    above: items[0]?.start ?? 0,
    below: virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0),
    focusedRow,
    /** The browser has moved the focus to a row. */
    focusCame: () => setFocusAt(focusedIndex()),
    /**
     * To be called before a new list is drawn, because drawing moves the focus. If the focused scan was read, the focus goes on to the next one; if any other scan
     * is out of sight, no key may reach the patient who now stands in its place.
     */
    keepPlace: () => {
      const index = focusedIndex();
      const row = focusedRow();
      return () => {
        if (index === null) return;
        const otherwise = row === undefined || row.readAtMs === null ? -1 : index;
        wanted.current = { index: otherwise, caseRef: row?.caseRef ?? null };
      };
    },
    toTop: () => virtualizer.scrollToOffset(0),
    step: (by: number) => (event: KeyboardEvent) => {
      event.preventDefault();
      if (total === 0) return;
      const at = focusedIndex();
      const to = at === null ? span.first : Math.max(0, Math.min(total - 1, at + by));
      wanted.current = { index: at === null && leftList.scrollPx === 0 ? 0 : to, caseRef: null };
      setFocusAt(to);
      virtualizer.scrollToIndex(to);
      virtualizer.options.onChange(virtualizer, false);
    },
    leave: () => {
      setFocusAt(null);
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    },
  };
}

export type Rows = ReturnType<typeof useRows>;
