import { useEffect, useRef } from 'preact/hooks';
import { fetchPreview } from '../case/caseApi.ts';
import { drawResponse, drawSlice, WINDOWS } from '../case/drawSlice.ts';
import { words } from './worklistWords.ts';

/** The best key slice of a flagged case with the contour of the response, beside the list. */
export default function Thumbnail({ caseRef }: { caseRef: string }) {
  const image = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const stopped = new AbortController();
    const draw = async () => {
      const { slice, keySlice } = await fetchPreview(caseRef);
      if (stopped.signal.aborted || image.current === null || map.current === null || box.current === null) return;
      drawSlice(image.current, slice, WINDOWS[1]);
      drawResponse(map.current, slice.rows, slice.columns, keySlice, 0);
      box.current.dataset['drawn'] = 'true';
    };
    // The picture is only a convenience; the case itself reports what cannot be read.
    draw().catch(() => undefined);
    return () => {
      stopped.abort();
    };
  }, [caseRef]);
  return (
    <aside class="thumbnail" ref={box} aria-hidden="true">
      <div class="thumbnail-picture">
        <canvas ref={image} />
        <canvas ref={map} />
      </div>
      <p>{words.heatmapCaption}</p>
    </aside>
  );
}
