import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useReducer } from 'preact/hooks';

/** Height of every row, px: whatever a row says. */
export const ROW_PX = 44;
const OVERSCAN = 10;
/** The heading of the table lies over the first row that is scrolled to. */
const HEADING_PX = 30;

/** Which rows of `count` are in sight and near it; `kept` stays, wherever it is, so that it does not lose the keyboard. */
export function useListWindow(scroller: RefObject<HTMLElement | null>, count: number, kept: number | null, startPx: number) {
  const [, redraw] = useReducer((old: number) => old + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    initialOffset: startPx,
    scrollPaddingStart: HEADING_PX,
    rangeExtractor: (range: Parameters<typeof defaultRangeExtractor>[0]) => {
      const indexes = defaultRangeExtractor(range);
      if (kept === null || kept >= count || indexes.includes(kept)) return indexes;
      return [...indexes, kept].sort((a, b) => a - b);
    },
    onChange: () => redraw(null),
  };
  const virtualizer = useMemo(() => new Virtualizer<HTMLElement, Element>(options), []);
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer;
}
