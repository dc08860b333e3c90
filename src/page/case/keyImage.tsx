import { useState } from 'preact/hooks';
import { keyImageAddress } from './caseApi.ts';
import { caseWords as words } from './caseWords.ts';

/** The picture on the triage card, as the PACS has it: it stays when the images are gone. Nothing for a case whose card has none. */
export function KeyImage({ caseRef, finding }: { caseRef: string; finding: string }) {
  const [missing, setMissing] = useState(false);
  if (missing) return null;
  return (
    <figure class="key-image">
      <img
        src={keyImageAddress(caseRef)}
        alt={words.keyImage(finding)}
        width={928}
        height={440}
        loading="lazy"
        onError={() => setMissing(true)}
      />
    </figure>
  );
}
