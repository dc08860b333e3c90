import { useEffect, useRef } from 'preact/hooks';
import { fetchPreview } from '../case/caseApi.ts';
import { drawSlice, WINDOWS } from '../case/drawSlice.ts';

/** The best key slice of a flagged case, beside the list. Without the response: a heatmap comes only when asked for. */
export default function Thumbnail({ caseRef }: { caseRef: string }) {
  const image = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const stopped = new AbortController();
    const draw = async () => {
      const slice = await fetchPreview(caseRef);
      if (stopped.signal.aborted || image.current === null || box.current === null) return;
      drawSlice(image.current, slice, WINDOWS[1]);
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
      </div>
    </aside>
  );
}
