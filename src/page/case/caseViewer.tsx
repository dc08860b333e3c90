import { useRef, useState } from 'preact/hooks';
import { useKeys } from '../parts/keys.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import type { CaseAnswer, CaseVolume } from '../../answers/caseAnswer.ts';
import { caseWords as words } from './caseWords.ts';
import { WINDOWS } from './drawSlice.ts';
import { Reformats } from './reformats.tsx';
import { ScoreStrip } from './scoreStrip.tsx';
import { imageName, placeName } from './sliceName.ts';
import { useDrawnSlice, useScrolledSlices, useSlices } from './useSlices.ts';
import { viewerKeys } from './viewerKeys.ts';
import { KeySlices, OverlayNote, ViewerTools, Viewport } from './viewerParts.tsx';

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
  const [windowIndex, setWindow] = useState(1);
  const [overlay, setOverlay] = useState(false);
  const [fill, setFill] = useState(0);
  const [reformats, setReformats] = useState(preference('reformats') === 'on');
  const [point, setPoint] = useState({ row: volume.rows / 2, column: volume.columns / 2 });
  const image = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const window = WINDOWS[windowIndex]!;
  const keySlice = keySlices.find(({ sliceIndex }) => sliceIndex === index);
  const fault = useDrawnSlice(slices, image, map, { window, response: overlay ? keySlice : undefined, fill });
  useScrolledSlices(frame, slices.step);

  const toggleHeatmap = keySlices.length === 0 ? null : () => setOverlay((old) => !old);
  const toggleReformats = () => {
    setReformats(!reformats);
    keepPreference('reformats', reformats ? 'off' : 'on');
  };
  useKeys(viewerKeys(slices, { scores, setWindow, toggleHeatmap, toggleReformats }));

  const place = placeName(answer, volume, index);
  return (
    <section class="viewer" aria-label={words.slices}>
      <ViewerTools
        {...{ windowIndex, place }}
        onWindow={setWindow}
        heatmap={toggleHeatmap && { on: overlay, toggle: toggleHeatmap }}
        reformats={{ on: reformats, toggle: toggleReformats }}
      />
      {keySlices.length > 0 && (
        <KeySlices
          keySlices={keySlices}
          nameOf={(at) => imageName(answer, volume, at) || words.sliceOf(at + 1, total)}
          {...{ volume, index }}
          onGo={go}
        />
      )}
      <div class="viewports">
        <Viewport {...{ frame, image, map, volume, index, windowIndex, identity, place, fault }} onPoint={setPoint} />
        {reformats && <Reformats {...{ store, volume, index, window, point }} />}
      </div>
      {overlay && <OverlayNote hasMap={keySlice !== undefined} fill={fill} onFill={setFill} />}
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
