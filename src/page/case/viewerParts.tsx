import type { RefObject } from 'preact';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import type { KeySlice } from '../../case/case.ts';
import { LARGEST_ALPHA } from '../../case/responseColour.ts';
import { caseWords as words } from './caseWords.ts';
import { WINDOWS } from './drawSlice.ts';

/** A toggle button: its state, and what a press does. */
interface Toggle {
  on: boolean;
  toggle: () => void;
}

/** Windows, heatmap (null without maps) and reformats. */
export function ViewerTools({
  windowIndex,
  onWindow,
  heatmap,
  reformats,
  place,
}: {
  windowIndex: number;
  onWindow: (index: number) => void;
  heatmap: Toggle | null;
  reformats: Toggle;
  place: string;
}) {
  return (
    <div class="viewer-tools">
      <div role="group" aria-label={words.windowGroup}>
        {WINDOWS.map((_, at) => (
          <button key={at} type="button" aria-pressed={windowIndex === at} onClick={() => onWindow(at)}>
            {words.windows[at]}
          </button>
        ))}
      </div>
      {heatmap !== null && (
        <button type="button" aria-pressed={heatmap.on} onClick={heatmap.toggle}>
          {words.heatmap}
        </button>
      )}
      <button type="button" aria-pressed={reformats.on} onClick={reformats.toggle}>
        {words.reformats}
      </button>
      <span class="muted">{place}</span>
    </div>
  );
}

/** One slice with its response over it, its patient, its position and any problem with it. */
export function Viewport({
  frame,
  image,
  map,
  volume,
  index,
  windowIndex,
  identity,
  place,
  fault,
  onPoint,
}: {
  frame: RefObject<HTMLDivElement | null>;
  image: RefObject<HTMLCanvasElement | null>;
  map: RefObject<HTMLCanvasElement | null>;
  volume: CaseVolume;
  index: number;
  windowIndex: number;
  identity: string;
  place: string;
  fault: string | null;
  /** The reader has clicked a place on the slice, in its pixels. */
  onPoint: (point: { row: number; column: number }) => void;
}) {
  const { centerHu, widthHu } = WINDOWS[windowIndex]!;
  const windowName = words.windows[windowIndex]!;
  return (
    <div
      class={fault === null ? 'viewport' : 'viewport unread'}
      ref={frame}
      onClick={(event) => {
        const box = image.current?.getBoundingClientRect();
        if (box === undefined || box.width === 0) return;
        onPoint({
          row: ((event.clientY - box.top) / box.height) * volume.rows,
          column: ((event.clientX - box.left) / box.width) * volume.columns,
        });
      }}
    >
      <canvas class="slice" ref={image} role="img" aria-label={`${place}, ${windowName}`} />
      <canvas class="map" ref={map} aria-hidden="true" />
      <p class="corner top">
        <bdi>{identity}</bdi>
      </p>
      <p class="corner bottom">
        {place} · {words.position(volume.positionsMm[index]!)} · {words.window(windowName, centerHu, widthHu)}
      </p>
      <p class="side right" aria-hidden="true">
        R
      </p>
      <p class="side left" aria-hidden="true">
        L
      </p>
      {fault !== null && (
        <p class="viewport-fault kind-fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** Explains what the heatmap shows and does not show. */
export function OverlayNote({
  hasMap,
  fill,
  onFill,
}: {
  hasMap: boolean;
  fill: number;
  onFill: (fill: number) => void;
}) {
  return (
    <div class="overlay-note">
      <span>{words.heatmapCaption}</span>
      {!hasMap && <span class="muted">{words.noMapHere}</span>}
      <span class="legend">
        {words.weak} <span class="ramp" aria-hidden="true" /> {words.strong}
      </span>
      <label>
        {words.fill}{' '}
        <input
          type="range"
          min="0"
          max={LARGEST_ALPHA}
          step="0.05"
          value={fill}
          onInput={(event) => onFill(Number(event.currentTarget.value))}
        />
      </label>
    </div>
  );
}

/** Buttons for the slices with the strongest findings. */
export function KeySlices({
  keySlices,
  nameOf,
  volume,
  index,
  onGo,
}: {
  keySlices: readonly KeySlice[];
  nameOf: (index: number) => string;
  volume: CaseVolume;
  index: number;
  onGo: (index: number) => void;
}) {
  return (
    <div class="key-slices" role="group" aria-label={words.keySlices}>
      <h2>{words.keySlices}</h2>
      {keySlices.map(({ sliceIndex, levels, score }) => (
        <button
          key={sliceIndex}
          type="button"
          aria-pressed={sliceIndex === index}
          title={words.position(volume.positionsMm[sliceIndex]!)}
          onClick={() => onGo(sliceIndex)}
        >
          {words.keySlice(nameOf(sliceIndex), levels ?? [], score)}
        </button>
      ))}
    </div>
  );
}
