import { useRef, useState } from 'preact/hooks';
import { useKeys } from '../parts/keys.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import type { CaseAnswer, CaseVolume } from '../../answers/caseAnswer.ts';
import type { KeySlice } from '../../case/case.ts';
import { keyPoint, type Point } from '../../case/keyPoint.ts';
import { caseWords as words } from './caseWords.ts';
import { Comparison, dateOf, SideCaption } from './comparison.tsx';
import { comparisonWords } from './comparisonWords.ts';
import { WINDOWS, type DisplayWindow } from './drawSlice.ts';
import { Reformats } from './reformats.tsx';
import { ScoreStrip } from './scoreStrip.tsx';
import { imageName, placeName } from './sliceName.ts';
import { useCine, useDrawnSlice, useSlices } from './useSlices.ts';
import { viewerKeys } from './viewerKeys.ts';
import { KeySlices, OverlayNote, ViewerTools, Viewport } from './viewerParts.tsx';

/** Dragging by a pixel changes centre and width by this. */
const HU_PER_PX = 4;
const LEAST_WIDTH_HU = 20;

interface Properties {
  answer: CaseAnswer;
  volume: CaseVolume;
  /** The patient again, near the image. */
  identity: string;
}

/** The analysed series: slices, heatmap on request, scores, reformats. It opens on the best key slice. */
export function CaseViewer({ answer, volume, identity }: Properties) {
  const { findings, row } = answer;
  const total = volume.positionsMm.length;
  const keySlices = findings?.keySlices ?? [];
  const scores =
    findings !== null && findings.slices.length === total ? findings.slices.map(({ score }) => score) : null;
  const slices = useSlices(row.caseRef, row.revision, volume, keySlices[0]?.sliceIndex ?? Math.floor(total / 2));
  const { index, go, store } = slices;
  const [window, setWindow] = useState<DisplayWindow>(WINDOWS[1]);
  const [overlay, setOverlay] = useState(false);
  const [fill, setFill] = useState(0);
  const [reformats, setReformats] = useState(reformatsAtFirst);
  const [comparing, setComparing] = useState(false);
  const [point, setPoint] = useState(() => middleOf(keySlices[0], volume));
  const image = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const cine = useCine(slices);
  const keySlice = keySlices.find(({ sliceIndex }) => sliceIndex === index);
  const fault = useDrawnSlice(slices, image, map, { window, response: overlay ? keySlice : undefined, fill });
  const chosen = WINDOWS.findIndex((one) => one.centerHu === window.centerHu && one.widthHu === window.widthHu);
  const windowIndex = chosen === -1 ? null : chosen;
  const chooseWindow = (at: number) => setWindow(WINDOWS[at]!);
  const dragWindow = (acrossPx: number, downPx: number) =>
    setWindow(({ centerHu, widthHu }) => ({
      centerHu: centerHu + downPx * HU_PER_PX,
      widthHu: Math.max(LEAST_WIDTH_HU, widthHu + acrossPx * HU_PER_PX),
    }));

  const toggleHeatmap = keySlices.length === 0 ? null : () => setOverlay((old) => !old);
  // A prior takes the place of the reformats.
  const showsReformats = reformats && !comparing;
  const toggleReformats = () => {
    setComparing(false);
    setReformats(!showsReformats);
    keepPreference('reformats', showsReformats ? 'off' : 'on');
  };
  const [prior] = answer.priors;
  const isComparable = comparing || (prior !== undefined && row.status !== 'held');
  const toggleComparison = isComparable ? () => setComparing((old) => !old) : null;
  useKeys(
    viewerKeys(slices, {
      ...{ scores, setWindow: chooseWindow, toggleHeatmap, toggleReformats, toggleComparison },
      toggleCine: cine.toggle,
    }),
  );

  const place = placeName(answer, volume, index);
  const windowName = windowIndex === null ? words.ownWindow : words.windows[windowIndex]!;
  return (
    <section class="viewer" aria-label={words.slices}>
      <ViewerTools
        {...{ windowIndex, place }}
        onWindow={chooseWindow}
        heatmap={toggleHeatmap && { on: overlay, toggle: toggleHeatmap }}
        reformats={{ on: showsReformats, toggle: toggleReformats }}
        cine={{ on: cine.playing, toggle: cine.toggle }}
        comparison={
          toggleComparison && {
            name: comparisonWords.compare(dateOf(prior ?? { scannedAt: '' }), answer.priors.length < 2),
            on: comparing,
            toggle: toggleComparison,
          }
        }
      />
      {keySlices.length > 0 && (
        <KeySlices
          keySlices={keySlices}
          nameOf={(at) => imageName(answer, volume, at) || words.sliceOf(at + 1, total)}
          {...{ volume, index }}
          onGo={go}
        />
      )}
      <div class={comparing ? 'viewports two' : reformats ? 'viewports three' : 'viewports'}>
        <div class="pane">
          {comparing && <SideCaption name={comparisonWords.thisScan} scannedAt={row.acquiredAt} row={row} />}
          <Viewport
            {...{ frame, image, map, volume, index, window, windowName, identity, place, fault }}
            side={
              comparing
                ? comparisonWords.side(comparisonWords.thisScan, dateOf({ scannedAt: row.acquiredAt }))
                : undefined
            }
            cross={showsReformats ? point : null}
            onPoint={setPoint}
            onStep={slices.step}
            onWindow={dragWindow}
          />
        </div>
        {comparing && <Comparison {...{ answer, slices, volume, window, windowName, fill }} onWindow={dragWindow} />}
        {showsReformats && (
          <Reformats {...{ store, volume, index, window, point }} onGo={go} onPoint={setPoint} onWindow={dragWindow} />
        )}
      </div>
      {overlay && <OverlayNote keySlice={keySlice} volume={volume} fill={fill} onFill={setFill} />}
      <ScoreStrip
        volume={volume}
        scores={scores}
        threshold={scores === null ? null : (findings?.threshold?.value ?? null)}
        index={index}
        onGo={go}
      />
      {answer.triageOnly && <p class="muted">{words.triageOnly}</p>}
    </section>
  );
}

/** Where the planes cross at first: the point of the key image, or the middle of a slice without one. */
function middleOf(keySlice: KeySlice | undefined, { rows, columns }: CaseVolume): Point {
  return keySlice === undefined ? { row: rows / 2, column: columns / 2 } : keyPoint(keySlice.crop);
}

/** Beside the slice from the start where there is room for them, as the reader left them last. A phone loads all slices only when asked. */
function reformatsAtFirst(): boolean {
  return preference('reformats') === 'on' && !matchMedia('(max-width: 700px)').matches;
}
