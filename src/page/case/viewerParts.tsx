import type { RefObject } from 'preact';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import type { KeySlice } from '../../case/case.ts';
import type { Point } from '../../case/keyPoint.ts';
import { LARGEST_ALPHA } from '../../case/responseColour.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import { caseWords as words } from './caseWords.ts';
import { WINDOWS, type DisplayWindow } from './drawSlice.ts';
import { Plane } from './plane.tsx';
import type { PlaneActs } from './usePlanePointer.ts';

/** A toggle button: its state, and what a press does. */
interface Toggle {
  on: boolean;
  toggle: () => void;
}

/** Windows, heatmap (null without maps), reformats, and the comparison with a prior (null without one). */
export function ViewerTools({
  windowIndex,
  onWindow,
  heatmap,
  reformats,
  cine,
  comparison,
  place,
}: {
  /** Null for a window of the reader's own. */
  windowIndex: number | null;
  onWindow: (index: number) => void;
  heatmap: Toggle | null;
  reformats: Toggle;
  cine: Toggle;
  comparison: (Toggle & { name: string }) | null;
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
      <button type="button" aria-pressed={cine.on} onClick={cine.toggle}>
        {words.cine}
      </button>
      {comparison !== null && (
        <button type="button" aria-pressed={comparison.on} onClick={comparison.toggle}>
          {comparison.name}
        </button>
      )}
      <span class="muted" title={words.handling}>
        {place}
      </span>
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
  window,
  windowName,
  identity,
  place,
  side,
  fault,
  cross,
  onPoint,
  ...acts
}: {
  frame: RefObject<HTMLDivElement | null>;
  image: RefObject<HTMLCanvasElement | null>;
  map: RefObject<HTMLCanvasElement | null>;
  volume: CaseVolume;
  index: number;
  window: DisplayWindow;
  windowName: string;
  identity: string;
  place: string;
  /** Which of two scans it is; left out where there is one. */
  side?: string | undefined;
  fault: string | null;
  /** Where the other planes cut the slice; null while they are not shown. */
  cross: Point | null;
  /** The reader has clicked a place on the slice. */
  onPoint: (point: Point) => void;
} & Pick<PlaneActs, 'onStep' | 'onWindow'>) {
  return (
    <Plane
      class={fault === null ? 'viewport' : 'viewport unread'}
      pane={frame}
      aspect={(volume.columns * volume.pixelSpacingMm[1]) / (volume.rows * volume.pixelSpacingMm[0])}
      cross={cross && { across: cross.column / volume.columns, down: cross.row / volume.rows }}
      picture={
        <>
          <canvas
            class="slice"
            ref={image}
            role="img"
            aria-label={[side, place, windowName].filter(Boolean).join(', ')}
          />
          <canvas class="map" ref={map} aria-hidden="true" />
        </>
      }
      onPoint={(across, down) => onPoint({ row: down * volume.rows, column: across * volume.columns })}
      {...acts}
    >
      <p class="corner top">
        {side !== undefined && <strong class="side-name">{side}</strong>}
        <bdi>{identity}</bdi>
      </p>
      <p class="corner bottom">
        {place} · {words.position(volume.positionsMm[index]!)} ·{' '}
        {words.window(windowName, Math.round(window.centerHu), Math.round(window.widthHu))}
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
    </Plane>
  );
}

/** Explains what the heatmap shows and does not show, and how coarse it is however smooth it looks. */
export function OverlayNote({
  keySlice,
  volume,
  fill,
  onFill,
}: {
  /** Undefined on a slice without a map. */
  keySlice: KeySlice | undefined;
  volume: CaseVolume;
  fill: number;
  onFill: (fill: number) => void;
}) {
  return (
    <div class="overlay-note">
      <span>
        {words.heatmapCaption} {keySlice !== undefined && words.heatmapFields(...fieldMm(keySlice, volume))}
      </span>
      {keySlice === undefined ? (
        <span class="muted">{words.noMapHere}</span>
      ) : (
        <>
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
        </>
      )}
    </div>
  );
}

/** Height and width of what one value of the map stands for, mm. */
function fieldMm({ crop, camRows, camColumns }: KeySlice, { pixelSpacingMm }: CaseVolume): [number, number] {
  return [
    ((crop.bottom - crop.top) / camRows) * pixelSpacingMm[0],
    ((crop.right - crop.left) / camColumns) * pixelSpacingMm[1],
  ];
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
          {words.keySlice(nameOf(sliceIndex), levels ?? [], scoreTexts(score, 0).score)}
        </button>
      ))}
    </div>
  );
}
