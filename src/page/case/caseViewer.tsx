import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CaseAnswer, CaseVolume } from './caseApi.ts';
import { drawReformat, drawResponse, drawSlice, LARGEST_FILL, WINDOWS } from './drawSlice.ts';
import { useKeys } from '../parts/keys.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import { nextPeak, ScoreStrip } from './scoreStrip.tsx';
import { Refused } from '../parts/session.ts';
import { COARSE, SliceStore } from './sliceStore.ts';
import { caseWords as words } from './caseWords.ts';

interface Properties {
  answer: CaseAnswer;
  volume: CaseVolume;
  /** Who it is, again, where the eyes are. */
  identity: string;
}

/** The analysed series: slices, heatmap when asked for, scores, reformats. */
export function CaseViewer({ answer, volume, identity }: Properties) {
  const { findings, row } = answer;
  const total = volume.positionsMm.length;
  const keySlices = findings?.keySlices ?? [];
  const scores =
    findings !== null && findings.slices.length === total ? findings.slices.map(({ score }) => score) : null;
  const [index, setIndex] = useState(keySlices[0]?.sliceIndex ?? Math.floor(total / 2));
  const [windowIndex, setWindow] = useState(1);
  const [overlay, setOverlay] = useState(false);
  const [fill, setFill] = useState(0);
  const [reformats, setReformats] = useState(preference('reformats') === 'on');
  const [fault, setFault] = useState<string | null>(null);
  const [point, setPoint] = useState({ row: volume.rows / 2, column: volume.columns / 2 });
  const image = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const towards = useRef(0);
  const store = useMemo(() => new SliceStore(row.caseRef, volume), [row.caseRef, row.revision]);
  useEffect(() => () => store.close(), [store]);
  const wanted = useRef(index);
  wanted.current = index;
  const shown = WINDOWS[windowIndex]!;

  const go = useCallback(
    (next: number) => {
      const to = Math.max(0, Math.min(total - 1, next));
      towards.current = Math.sign(to - wanted.current);
      wanted.current = to;
      setIndex(to);
    },
    [total],
  );

  const keySlice = keySlices.find(({ sliceIndex }) => sliceIndex === index);
  useLayoutEffect(() => {
    const draw = () => {
      const slice = store.now(index);
      if (slice === undefined || image.current === null || map.current === null) return false;
      drawSlice(image.current, slice, shown);
      drawResponse(map.current, slice.rows, slice.columns, overlay ? keySlice : undefined, fill);
      image.current.dataset['slice'] = String(index);
      setFault(null);
      return true;
    };
    const direction = towards.current;
    if (draw()) {
      store.ahead(index, direction === 0 ? 1 : direction).catch(reportError);
      return;
    }
    store.slice(index, direction).then(
      () => {
        // A slice that comes late is not shown in the place of the one asked for since.
        if (wanted.current !== index) return;
        draw();
        store.ahead(index, direction === 0 ? 1 : direction).catch(reportError);
      },
      (error: unknown) => {
        if (wanted.current === index)
          setFault(error instanceof Refused && error.code === 'slice-gone' ? words.sliceGone : words.sliceUnread);
      },
    );
  }, [store, index, shown, overlay, fill, keySlice]);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      go(wanted.current + Math.sign(event.deltaY));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [go]);

  const peak = (direction: -1 | 1) => () => {
    const at = scores && nextPeak(scores, wanted.current, direction);
    if (at !== null) go(at);
  };
  const move = (by: number) => (event: KeyboardEvent) => {
    event.preventDefault();
    go(wanted.current + by);
  };
  const toggleReformats = () => {
    setReformats(!reformats);
    keepPreference('reformats', reformats ? 'off' : 'on');
  };
  useKeys([
    { keys: ['ArrowDown', 'ArrowRight'], shown: 'Arrow up', does: words.keys.slices, repeats: true, run: move(1) },
    { keys: ['ArrowUp', 'ArrowLeft'], shown: '', does: '', repeats: true, run: move(-1) },
    { keys: ['Home'], shown: 'Home', does: words.keys.ends, run: move(-total) },
    { keys: ['End'], shown: '', does: '', run: move(total) },
    ...WINDOWS.map((_, at) => ({
      keys: [String(at + 1)],
      shown: at === 0 ? '1 2 3' : '',
      does: at === 0 ? words.keys.windows : '',
      run: () => setWindow(at),
    })),
    ...(keySlices.length > 0
      ? [{ keys: ['o'], shown: 'O', does: words.keys.overlay, run: () => setOverlay((old) => !old) }]
      : []),
    ...(scores === null
      ? []
      : [
          { keys: ['['], shown: '[ ]', does: words.keys.peaks, run: peak(-1) },
          { keys: [']'], shown: '', does: '', run: peak(1) },
        ]),
    { keys: ['m'], shown: 'M', does: words.keys.reformats, run: toggleReformats },
  ]);

  return (
    <section class="viewer" aria-label={words.slices}>
      <div class="viewer-tools">
        <div role="group" aria-label={words.windowGroup}>
          {WINDOWS.map((_, at) => (
            <button key={at} type="button" aria-pressed={windowIndex === at} onClick={() => setWindow(at)}>
              {words.windows[at]}
            </button>
          ))}
        </div>
        {keySlices.length > 0 && (
          <button type="button" aria-pressed={overlay} onClick={() => setOverlay(!overlay)}>
            {words.heatmap}
          </button>
        )}
        <button type="button" aria-pressed={reformats} onClick={toggleReformats}>
          {words.reformats}
        </button>
        <span class="muted">{words.sliceOf(index + 1, total)}</span>
      </div>
      <div class="viewports">
        <div
          class={fault === null ? 'viewport' : 'viewport unread'}
          ref={frame}
          onClick={(event) => {
            const box = image.current?.getBoundingClientRect();
            if (box === undefined || box.width === 0) return;
            setPoint({
              row: ((event.clientY - box.top) / box.height) * volume.rows,
              column: ((event.clientX - box.left) / box.width) * volume.columns,
            });
          }}
        >
          <canvas
            class="slice"
            ref={image}
            role="img"
            aria-label={`${words.sliceOf(index + 1, total)}, ${words.windows[windowIndex] ?? ''}`}
          />
          <canvas class="map" ref={map} aria-hidden="true" />
          <p class="corner top">
            <bdi>{identity}</bdi>
          </p>
          <p class="corner bottom">
            {words.sliceOf(index + 1, total)} · {words.position(volume.positionsMm[index]!)} ·{' '}
            {words.window(words.windows[windowIndex]!, shown.centerHu, shown.widthHu)}
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
        {reformats && <Reformats store={store} volume={volume} index={index} window={shown} point={point} />}
      </div>
      {overlay && (
        <div class="overlay-note">
          <span>{words.heatmapCaption}</span>
          {keySlice === undefined && <span class="muted">{words.noMapHere}</span>}
          <span class="legend">
            {words.weak} <span class="ramp" aria-hidden="true" /> {words.strong}
          </span>
          <label>
            {words.fill}{' '}
            <input
              type="range"
              min="0"
              max={LARGEST_FILL}
              step="0.05"
              value={fill}
              onInput={(event) => setFill(Number(event.currentTarget.value))}
            />
          </label>
        </div>
      )}
      <ScoreStrip
        volume={volume}
        scores={scores}
        threshold={scores === null ? null : (findings?.threshold?.value ?? null)}
        index={index}
        onGo={go}
      />
      {answer.triageOnly && <p class="muted">{words.triageOnly}</p>}
      {keySlices.length > 0 && (
        <div class="key-slices" role="group" aria-label={words.keySlices}>
          <h2>{words.keySlices}</h2>
          {keySlices.map(({ sliceIndex, levels, score }) => (
            <button key={sliceIndex} type="button" aria-pressed={sliceIndex === index} onClick={() => go(sliceIndex)}>
              {words.keySlice(sliceIndex + 1, levels ?? [], score)}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

interface ReformatProperties {
  store: SliceStore;
  volume: CaseVolume;
  index: number;
  window: { centerHu: number; widthHu: number };
  point: { row: number; column: number };
}

/** Both planes through one point, drawn anew as slices come. */
function Reformats({ store, volume, index, window, point }: ReformatProperties) {
  const sagittal = useRef<HTMLCanvasElement>(null);
  const coronal = useRef<HTMLCanvasElement>(null);
  const [come, setCome] = useState(0);
  useEffect(() => {
    let last = 0;
    store
      .all(index, () => {
        // A redraw for every slice would be slower than the slices.
        if (performance.now() - last < 250) return;
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
