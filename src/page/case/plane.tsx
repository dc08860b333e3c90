import type { ComponentChildren, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { usePlanePointer, type PlaneActs } from './usePlanePointer.ts';

interface Properties extends PlaneActs {
  class: string;
  pane?: RefObject<HTMLDivElement | null>;
  /** Width through height of the picture, mm. */
  aspect: number;
  /** Where the other planes cut this one, as shares of width and height; null to show no lines. */
  cross: { across: number; down: number } | null;
  /** The canvases. */
  picture: ComponentChildren;
  /** What stands over the picture and stays in place when it is moved. */
  children?: ComponentChildren;
}

/** One picture in its pane, as large as it fits, with the lines of the other planes. */
export function Plane({ class: name, pane: given, aspect, cross, picture, children, ...acts }: Properties) {
  const own = useRef<HTMLDivElement>(null);
  const pane = given ?? own;
  const stage = useRef<HTMLDivElement>(null);
  const { zoom, xPx, yPx } = usePlanePointer(pane, stage, acts);
  return (
    <div class={`plane ${name}`} ref={pane}>
      <div
        class="stage"
        ref={stage}
        style={{
          aspectRatio: String(aspect),
          width: `min(100cqw, ${(100 * aspect).toFixed(3)}cqh)`,
          transform: `translate(-50%, -50%) translate(${xPx}px, ${yPx}px) scale(${zoom})`,
        }}
      >
        {picture}
        {cross !== null && (
          <>
            <span class="cross-across" style={{ top: `${cross.down * 100}%` }} aria-hidden="true" />
            <span class="cross-down" style={{ left: `${cross.across * 100}%` }} aria-hidden="true" />
          </>
        )}
      </div>
      {children}
    </div>
  );
}
