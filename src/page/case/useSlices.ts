import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Refused } from '../parts/session.ts';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import type { KeySlice } from '../../case/case.ts';
import { caseWords as words } from './caseWords.ts';
import { drawResponse, drawSlice, type DisplayWindow } from './drawSlice.ts';
import { SliceStore } from './sliceStore.ts';

export interface Slices {
  store: SliceStore;
  index: number;
  /** Goes to a slice, or to the nearest end. */
  go: (index: number) => void;
  /** The slice requested last, which may not be drawn yet. */
  asked: () => number;
  /** Moves by this many slices from the one requested last. */
  step: (by: number) => void;
}

/** Which slice is shown. `revision` of the case: another revision is another volume. */
export function useSlices(
  caseRef: string,
  revision: number,
  volume: CaseVolume,
  first: number,
): Slices & { towards: RefObject<number> } {
  const total = volume.positionsMm.length;
  const [index, setIndex] = useState(first);
  const store = useMemo(() => new SliceStore(caseRef, volume), [caseRef, revision]);
  useEffect(() => () => store.close(), [store]);
  const wanted = useRef(index);
  wanted.current = index;
  const towards = useRef(0);
  const go = useCallback(
    (next: number) => {
      const to = Math.max(0, Math.min(total - 1, next));
      towards.current = Math.sign(to - wanted.current);
      wanted.current = to;
      setIndex(to);
    },
    [total],
  );
  const step = useCallback((by: number) => go(wanted.current + by), [go]);
  const asked = useCallback(() => wanted.current, []);
  return { store, index, go, asked, step, towards };
}

/** What is drawn on a slice besides its pixels. */
interface Drawn {
  window: DisplayWindow;
  /** The response of the network, where it is requested and exists. */
  response: KeySlice | undefined;
  fill: number;
}

/** Draws the current slice as soon as it has loaded; says why it cannot be drawn, null when it can. */
export function useDrawnSlice(
  { store, index, towards }: ReturnType<typeof useSlices>,
  image: RefObject<HTMLCanvasElement | null>,
  map: RefObject<HTMLCanvasElement | null>,
  { window, response, fill }: Drawn,
): string | null {
  const [fault, setFault] = useState<string | null>(null);
  const shown = useRef(index);
  shown.current = index;
  useLayoutEffect(() => {
    const draw = () => {
      const slice = store.now(index);
      if (slice === undefined || image.current === null || map.current === null) return false;
      drawSlice(image.current, slice, window);
      drawResponse(map.current, slice.rows, slice.columns, response, fill);
      image.current.dataset['slice'] = String(index);
      setFault(null);
      return true;
    };
    const direction = towards.current;
    const ahead = () => {
      store.ahead(index, direction === 0 ? 1 : direction).catch(reportError);
    };
    if (draw()) {
      ahead();
      return;
    }
    store.slice(index, direction).then(
      () => {
        // A slice that loads late must not replace the one requested since.
        if (shown.current !== index) return;
        draw();
        ahead();
      },
      (error: unknown) => {
        if (shown.current === index)
          setFault(error instanceof Refused && error.code === 'slice-gone' ? words.sliceGone : words.sliceUnread);
      },
    );
  }, [store, index, window, response, fill]);
  return fault;
}

const CINE_SLICES_PER_SECOND = 15;

/** Plays through the slices from the one shown, and from the head again after the last, until stopped or until the reader goes elsewhere. */
export function useCine({ asked, go, store }: Slices): { playing: boolean; toggle: () => void } {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    let at = asked();
    const timer = window.setInterval(() => {
      if (asked() !== at) {
        setPlaying(false);
        return;
      }
      const next = (at + 1) % store.length;
      // Waits for a slice that has not come yet.
      if (store.now(next) === undefined) {
        store.slice(next, 1).catch(() => setPlaying(false));
        return;
      }
      at = next;
      go(at);
    }, 1000 / CINE_SLICES_PER_SECOND);
    return () => window.clearInterval(timer);
  }, [playing, store]);
  return { playing, toggle: () => setPlaying((old) => !old) };
}
