import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** How far a finger moves for one slice, px. */
const SWIPE_PX = 8;
/** A press that moves less than this is a click. */
const CLICK_PX = 4;
const LARGEST_ZOOM = 8;

/** How a picture lies in its pane: enlarged from the middle, then moved. */
interface View {
  zoom: number;
  xPx: number;
  yPx: number;
}
const WHOLE: View = { zoom: 1, xPx: 0, yPx: 0 };

/** What pointers do on a picture. */
export interface PlaneActs {
  /** Wheel, or a finger: this many slices on. */
  onStep: (by: number) => void;
  /** A click: where, as shares of the picture's width and height. */
  onPoint: (across: number, down: number) => void;
  /** Dragging with the main button, px: across changes the width of the window, down its centre. */
  onWindow: (acrossPx: number, downPx: number) => void;
}

/**
 * Pointers on one picture, as in other viewers: wheel or one finger goes through the slices, dragging changes the window, with Shift or the middle button it
 * moves the picture, with the right button (or the wheel with Ctrl) it enlarges it; a double click shows the whole picture again. `stage` is what holds the picture.
 */
export function usePlanePointer(
  pane: RefObject<HTMLElement | null>,
  stage: RefObject<HTMLElement | null>,
  acts: PlaneActs,
): View {
  const [view, setView] = useState(WHOLE);
  const newest = useRef(acts);
  newest.current = acts;
  useEffect(() => {
    const element = pane.current;
    if (element === null) return;
    const zoomBy = (factor: number) =>
      setView((old) => {
        const zoom = Math.min(LARGEST_ZOOM, Math.max(1, old.zoom * factor));
        return zoom === 1 ? WHOLE : { zoom, xPx: (old.xPx * zoom) / old.zoom, yPx: (old.yPx * zoom) / old.zoom };
      });
    let held: { how: 'swipe' | 'window' | 'pan' | 'zoom'; x: number; y: number; movedPx: number } | null = null;
    const onDown = (event: PointerEvent) => {
      if (!event.isPrimary) return;
      const { clientX: x, clientY: y } = event;
      if (event.pointerType === 'touch') held = { how: 'swipe', x, y, movedPx: 0 };
      else {
        const how = event.button === 2 ? 'zoom' : event.button === 1 || event.shiftKey ? 'pan' : 'window';
        held = { how, x, y, movedPx: 0 };
        element.setPointerCapture(event.pointerId);
      }
    };
    const onMove = (event: PointerEvent) => {
      if (held === null || !event.isPrimary) return;
      const [acrossPx, downPx] = [event.clientX - held.x, event.clientY - held.y];
      if (held.how === 'swipe') {
        const by = Math.trunc(-downPx / SWIPE_PX);
        if (by === 0) return;
        held = { ...held, y: held.y - by * SWIPE_PX, movedPx: CLICK_PX };
        newest.current.onStep(by);
        return;
      }
      const movedPx = held.movedPx + Math.abs(acrossPx) + Math.abs(downPx);
      if (movedPx < CLICK_PX) return;
      held = { ...held, x: event.clientX, y: event.clientY, movedPx };
      if (held.how === 'window') newest.current.onWindow(acrossPx, downPx);
      else if (held.how === 'zoom') zoomBy(Math.exp(-downPx / 150));
      else setView((old) => ({ ...old, xPx: old.xPx + acrossPx, yPx: old.yPx + downPx }));
    };
    const onUp = (event: PointerEvent) => {
      const box = stage.current?.getBoundingClientRect();
      const isClick = held !== null && held.movedPx < CLICK_PX && (held.how === 'window' || held.how === 'swipe');
      held = null;
      if (!isClick || event.type === 'pointercancel' || box === undefined || box.width === 0) return;
      const share = (at: number, from: number, size: number) => Math.min(1, Math.max(0, (at - from) / size));
      newest.current.onPoint(share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height));
    };
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey) zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      else newest.current.onStep(Math.sign(event.deltaY));
    };
    const listening = new AbortController();
    const { signal } = listening;
    element.addEventListener('pointerdown', onDown, { signal });
    element.addEventListener('pointermove', onMove, { signal });
    element.addEventListener('pointerup', onUp, { signal });
    element.addEventListener('pointercancel', onUp, { signal });
    element.addEventListener('wheel', onWheel, { passive: false, signal });
    element.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    element.addEventListener('dblclick', () => setView(WHOLE), { signal });
    return () => listening.abort();
  }, []);
  return view;
}
