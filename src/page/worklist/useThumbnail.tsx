import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { HeldList } from './heldList.ts';
import type Thumbnail from './thumbnail.tsx';

const THUMBNAIL_AFTER_MS = 350;

/** A picture of the scan that somebody points at for a moment; none while names are hidden. */
export function useThumbnail(
  list: HeldList | null,
  hidden: boolean,
): {
  pointAt: (target: EventTarget | null) => void;
  picture: JSX.Element | null;
} {
  const [pointed, setPointed] = useState<string | null>(null);
  const [thumbnail, setThumbnail] = useState<{ caseRef: string; Picture: typeof Thumbnail } | null>(null);
  useEffect(() => {
    setThumbnail(null);
    if (pointed === null || hidden) return;
    let current = true;
    const timer = window.setTimeout(() => {
      // A missing picture must not disturb the list.
      import('./thumbnail.tsx').then(
        ({ default: Picture }) => current && setThumbnail({ caseRef: pointed, Picture }),
        () => undefined,
      );
    }, THUMBNAIL_AFTER_MS);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [pointed, hidden]);
  return {
    pointAt: (target) => {
      const index = target instanceof Element ? target.closest<HTMLElement>('tr.row')?.dataset['index'] : undefined;
      const row = index === undefined ? undefined : list?.rows.get(Number(index));
      setPointed(row !== undefined && row.keySlices.length > 0 ? row.caseRef : null);
    },
    picture: thumbnail && <thumbnail.Picture key={thumbnail.caseRef} caseRef={thumbnail.caseRef} />,
  };
}
