import { useState } from 'preact/hooks';
import { keyImageAddress } from '../case/caseApi.ts';

/** The key image of a flagged case, beside the list; nothing where there is none. It is only a convenience: the case itself says what cannot be read. */
export default function Thumbnail({ caseRef }: { caseRef: string }) {
  const [drawn, setDrawn] = useState(false);
  return (
    <aside class="thumbnail" data-drawn={drawn || undefined} aria-hidden="true">
      <img src={keyImageAddress(caseRef)} alt="" onLoad={() => setDrawn(true)} />
    </aside>
  );
}
