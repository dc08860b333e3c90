import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import type { Point } from '../../case/keyPoint.ts';
import { caseWords as words } from './caseWords.ts';
import { drawReformat, type DisplayWindow } from './drawSlice.ts';
import { Plane } from './plane.tsx';
import type { SliceStore } from './sliceStore.ts';

const REDRAW_EVERY_MS = 250;

interface Properties {
  store: SliceStore;
  volume: CaseVolume;
  index: number;
  window: DisplayWindow;
  point: Point;
  onGo: (index: number) => void;
  onPoint: (point: Point) => void;
  onWindow: (acrossPx: number, downPx: number) => void;
}

/** Sagittal and coronal through one point, redrawn as slices load. A click goes there in all three planes; the wheel goes through the plane. */
export function Reformats({ store, volume, index, window, point, onGo, onPoint, onWindow }: Properties) {
  const sagittal = useRef<HTMLCanvasElement>(null);
  const coronal = useRef<HTMLCanvasElement>(null);
  const loaded = useLoadedVolume(store, index);
  const { coarseness } = store;
  useLayoutEffect(() => {
    if (sagittal.current) drawReformat(sagittal.current, store.volume, { column: point.column / coarseness }, window);
  }, [store, loaded, window, point.column]);
  useLayoutEffect(() => {
    if (coronal.current) drawReformat(coronal.current, store.volume, { row: point.row / coarseness }, window);
  }, [store, loaded, window, point.row]);

  const total = volume.positionsMm.length;
  const heightMm = total * volume.sliceSpacingMm;
  const down = (index + 0.5) / total;
  const goDown = (share: number) => onGo(Math.min(total - 1, Math.floor(share * total)));
  const within = (pixel: number, pixels: number) => Math.max(0, Math.min(pixels - 1, pixel));
  return (
    <>
      <Plane
        class="reformat"
        aspect={(volume.rows * volume.pixelSpacingMm[0]) / heightMm}
        cross={{ across: point.row / volume.rows, down }}
        picture={<canvas ref={sagittal} role="img" aria-label={words.sagittal} />}
        onStep={(by) => onPoint({ ...point, column: within(point.column + by, volume.columns) })}
        onPoint={(across, share) => {
          onPoint({ ...point, row: within(across * volume.rows, volume.rows) });
          goDown(share);
        }}
        onWindow={onWindow}
      >
        <p class="plane-name">{words.sagittal}</p>
      </Plane>
      <Plane
        class="reformat"
        aspect={(volume.columns * volume.pixelSpacingMm[1]) / heightMm}
        cross={{ across: point.column / volume.columns, down }}
        picture={<canvas ref={coronal} role="img" aria-label={words.coronal} />}
        onStep={(by) => onPoint({ ...point, row: within(point.row + by, volume.rows) })}
        onPoint={(across, share) => {
          onPoint({ ...point, column: within(across * volume.columns, volume.columns) });
          goDown(share);
        }}
        onWindow={onWindow}
      >
        <p class="plane-name">{words.coronal}</p>
        {coarseness > 1 && <p class="corner bottom">{words.halfResolution}</p>}
      </Plane>
    </>
  );
}

/** Loads all slices, nearest to the one shown first; counts up when more have come. */
function useLoadedVolume(store: SliceStore, index: number): number {
  const [come, setCome] = useState(0);
  useEffect(() => {
    let last = 0;
    store
      .all(index, () => {
        // Redrawing for every slice would take longer than loading the slices.
        if (performance.now() - last < REDRAW_EVERY_MS) return;
        last = performance.now();
        setCome((old) => old + 1);
      })
      .then(() => setCome((old) => old + 1), reportError);
  }, [store]);
  return come;
}
