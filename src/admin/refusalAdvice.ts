import type { RefusalKind } from '../receive/refusals.ts';

/** Words in a reason, and what somebody who runs the agent can do about it; the first match counts. */
const BY_REASON: readonly [words: string, advice: string][] = [
  ['not among the sources', 'If it may send, add it to receive.sources.'],
  ['may not come from this address', 'If it may send from there, add the address to its entry in receive.sources.'],
  ['called by another AE title', 'Let it call the AE title that receive.aeTitle says.'],
  [
    'must show its certificate',
    'Let it send by TLS to receive.tls.port, with a certificate of its entry in receive.sources.',
  ],
  [
    'not that of the calling AE title',
    'If the certificate was renewed, add its fingerprint or name to the entry of this AE title in receive.sources.',
  ],
  [
    'that of another calling AE title',
    'Give each sender its own certificate, or correct the AE title that it calls itself.',
  ],
  ['spoke without TLS', 'Switch TLS on in the sender, or let it send to receive.port.'],
  [
    'showed no certificate',
    'Give the sender a certificate of an authority in receive.tls.caFile and switch client authentication on.',
  ],
  ['certificate has expired', 'Renew the certificate of the sender.'],
  [
    'not valid yet',
    'Set the clocks of the sender and of this machine right (NTP), then look at the dates of the certificate.',
  ],
  ['not made for client authentication', 'Issue the certificate of the sender with the extended key usage clientAuth.'],
  ['of no authority', 'If the sender is known, add the authority that issued its certificate to receive.tls.caFile.'],
  ['TLS versions before 1.2', 'Switch TLS 1.2 or 1.3 on in the sender (PS3.15 B.12); older versions are not taken.'],
  ['no cipher suite', 'Switch the AEAD suites of PS3.15 B.12 on in the sender, such as ECDHE-RSA-AES128-GCM-SHA256.'],
  [
    'accept the certificate of this agent',
    'Give the sender the authority that issued receive.tls.certFile, and call the agent by a name in that certificate.',
  ],
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
  [
    'no address to report to',
    'If it may ask for commitment, say where it takes the report: receive.sources[].commitment. Otherwise switch commitment off in the sender.',
  ],
  [
    'a transaction that was not asked for',
    'Find out whom the archive means: it reports to this agent on a request of another, or of more than 30 days ago. Nothing was changed.',
  ],
  ['the report was not taken', 'Compare receive.sources[].commitment with the sender; then let it ask again.'],
  ['0xC000', 'Send it again; if it is refused again, the object is damaged where it comes from.'],
  ['0xA900', 'The object contradicts itself: tell the maker of its sender this reason.'],
];
const BY_KIND: Readonly<Record<RefusalKind, string>> = {
  association: 'Compare the settings of the sender with receive.',
  context: 'Look at what the sender proposes.',
  object: 'Look into the log for this association.',
  commitment: 'Let it ask again; if it is refused again, tell the maker of the sender this reason.',
  abort: 'If its study is not whole, send it again.',
  tls: 'Look at the TLS settings of the sender; openssl s_client -connect shows what the agent offers.',
  connection: 'Find out who opens so many connections; if they are wanted, raise receive.maxAssociations.',
};

/** What to do about a refusal, as a sentence. */
export function refusalAdvice(kind: RefusalKind, why: string): string {
  return BY_REASON.find(([words]) => why.includes(words))?.[1] ?? BY_KIND[kind];
}
