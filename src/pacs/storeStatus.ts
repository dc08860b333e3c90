import { hex16 } from '../base/hex16.ts';
import type { StoreOutcome } from '../case/delivery.ts';

/** Maximum length of a peer's comment that is kept. */
const LONGEST_COMMENT = 200;

/**
 * What a status of C-STORE, or a Failure Reason of STOW-RS, means for the object (PS3.4 B.2.3, PS3.7 C, PS3.18 I.2).
 * Only a status that would come again for the same bytes is a refusal. 0xCxxx (cannot understand) is not one: widely used archives also return it
 * for a full disk or a locked database, and giving up a report for that would lose it.
 */
export function outcomeOfStatus(status: number, comment: string): StoreOutcome {
  const word = hex16(status);
  // 0xBxxx: stored, with a warning. 0x0111: the instance is already held, and our UIDs carry a digest of the content.
  if (
    status === 0x0000 ||
    (status & 0xf000) === 0xb000 ||
    status === 0x0001 ||
    status === 0x0107 ||
    status === 0x0116 ||
    status === 0x0111
  ) {
    return { kind: 'stored', status: word };
  }
  const said =
    comment === ''
      ? ''
      : ` The PACS says: "${comment.replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, LONGEST_COMMENT)}".`;
  const meaning = meaningOf(status);
  const reason = `${word}: ${meaning.text}.${said}`;
  return meaning.permanent ? { kind: 'refused', status: word, reason } : { kind: 'unreachable', reason };
}

function meaningOf(status: number): { text: string; permanent: boolean } {
  if ((status & 0xff00) === 0xa700) return { text: 'the PACS is out of resources (disk full?)', permanent: false };
  if ((status & 0xff00) === 0xa900)
    return { text: 'the PACS says that the object does not match its SOP class', permanent: true };
  if ((status & 0xf000) === 0xc000)
    return { text: 'the PACS could not take the object (cannot understand)', permanent: false };
  switch (status) {
    case 0x0106:
      return { text: 'invalid attribute value', permanent: true };
    case 0x0117:
      return { text: 'invalid SOP instance', permanent: true };
    case 0x0120:
      return { text: 'missing attribute', permanent: true };
    case 0x0121:
      return { text: 'missing attribute value', permanent: true };
    case 0x0122:
      return { text: 'the PACS does not support the SOP class', permanent: true };
    case 0x0124:
      return { text: 'not authorised: allow the agent to store in the PACS', permanent: false };
    case 0x0110:
      return { text: 'processing failure in the PACS', permanent: false };
    case 0x0213:
      return { text: 'the PACS is out of resources', permanent: false };
    default:
      return { text: 'the PACS did not take the object', permanent: false };
  }
}
