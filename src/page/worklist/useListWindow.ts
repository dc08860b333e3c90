import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useState } from 'preact/hooks';

/** Height of every row, px, whatever it contains: of a table row, of one in larger type, and of a card on a phone (worklist.css has the same three). */
const LINE_PX = 44;
const LARGE_LINE_PX = 60;
const CARD_PX = 92;
const OVERSCAN = 10;
/** Height of the table heading, which covers the first row after scrolling. */
const HEADING_PX = 30;

const heightNow = (): number => {
  if (matchMedia('(max-width: 700px)').matches) return CARD_PX;
  return matchMedia('(min-width: 3000px)').matches ? LARGE_LINE_PX : LINE_PX;
};

/** Which of `count` rows are visible or close to it; `kept` is always drawn, so that it does not lose the focus. */
export function useListWindow(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  kept: number | null,
  startPx: number,
) {
  const [rowPx, setRowPx] = useState(heightNow);
  useEffect(() => {
    const changed = () => setRowPx(heightNow());
    addEventListener('resize', changed);
    return () => removeEventListener('resize', changed);
  }, []);
  const [, redraw] = useReducer((old: number) => old + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    initialOffset: startPx,
    scrollPaddingStart: rowPx === CARD_PX ? 0 : HEADING_PX,
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
  useLayoutEffect(() => virtualizer.measure(), [rowPx]);
  return { virtualizer, rowPx };
}
