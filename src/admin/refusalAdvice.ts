import type { RefusalKind } from '../receive/refusals.ts';

/** Words in a reason, and what somebody who runs the agent can do about it; the first match counts. */
const BY_REASON: readonly [words: string, advice: string][] = [
  ['not among the sources', 'If it may send, add it to receive.sources.'],
  ['may not come from this address', 'If it may send from there, add the address to its entry in receive.sources.'],
  ['called by another AE title', 'Let it call the AE title that receive.aeTitle says.'],
  ['kept for other sources', 'Let it open fewer associations at once, or raise receive.maxAssociations.'],
  ['limit of open associations', 'It tries again by itself; if it happens often, raise receive.maxAssociations.'],
  [
    'no Storage SOP class',
    'Nothing, unless it is a private class to be kept: then add it to receive.acceptedSopClasses.',
  ],
  ['transfer syntaxes', 'Let the sender propose Explicit or Implicit VR Little Endian too.'],
  ['receive.minFreeBytes', 'Make room on the disk of dataDir; the sender keeps the object and sends it again.'],
  ['disk of the spool is full', 'Make room on the disk of dataDir; the sender keeps the object and sends it again.'],
  ['receive.maxObjectBytes', 'If such objects are to be kept, raise receive.maxObjectBytes and send them again.'],
  ['0xC000', 'Send it again; if it is refused again, the object is damaged where it comes from.'],
  ['0xA900', 'The object contradicts itself: tell the maker of its sender this reason.'],
];
const BY_KIND: Readonly<Record<RefusalKind, string>> = {
  association: 'Compare the settings of the sender with receive.',
  context: 'Look at what the sender proposes.',
  object: 'Look into the log for this association.',
  abort: 'If its study is not whole, send it again.',
  connection: 'Find out who opens so many connections; if they are wanted, raise receive.maxAssociations.',
};

/** What to do about a refusal, as a sentence. */
export function refusalAdvice(kind: RefusalKind, why: string): string {
  return BY_REASON.find(([words]) => why.includes(words))?.[1] ?? BY_KIND[kind];
}
