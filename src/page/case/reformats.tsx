import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { caseWords as words } from './caseWords.ts';
import { drawReformat, type DisplayWindow } from './drawSlice.ts';
import { COARSE, type SliceStore } from './sliceStore.ts';

const REDRAW_EVERY_MS = 250;

interface Properties {
  store: SliceStore;
  volume: CaseVolume;
  index: number;
  window: DisplayWindow;
  point: { row: number; column: number };
}

/** Both planes through one point, redrawn as slices load. */
export function Reformats({ store, volume, index, window, point }: Properties) {
  const sagittal = useRef<HTMLCanvasElement>(null);
  const coronal = useRef<HTMLCanvasElement>(null);
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
  useLayoutEffect(() => {
    const at = (place: number) => Math.floor(place / COARSE);
    if (sagittal.current) drawReformat(sagittal.current, store, { column: at(point.column) }, window);
    if (coronal.current) drawReformat(coronal.current, store, { row: at(point.row) }, window);
  }, [store, come, window, point]);
  const total = volume.positionsMm.length;
  const heightMm = total * volume.sliceSpacingMm;
  const ratio = (widthMm: number) => `${widthMm} / ${heightMm}`;
  const place = `${((index + 0.5) / total) * 100}%`;
  return (
    <div class="reformats">
      {(
        [
          [words.sagittal, sagittal, volume.rows * volume.pixelSpacingMm[0]],
          [words.coronal, coronal, volume.columns * volume.pixelSpacingMm[1]],
        ] as const
      ).map(([name, canvas, widthMm]) => (
        <figure key={name}>
          <div class="reformat" style={{ aspectRatio: ratio(widthMm) }}>
            <canvas ref={canvas} role="img" aria-label={name} />
            <span class="level" style={{ top: place }} aria-hidden="true" />
          </div>
          <figcaption class="muted">{name}</figcaption>
        </figure>
      ))}
      <p class="muted">{words.reformatPlace}</p>
    </div>
  );
}
