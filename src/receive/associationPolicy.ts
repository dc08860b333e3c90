import { addressListOf, isInAddressList } from '../base/addressList.ts';
import type { CallerCertificate } from '../base/tlsAcceptor.ts';
import { CT_SOP_CLASSES, isStorageSopClass, STORAGE_COMMITMENT_PUSH_MODEL, VERIFICATION } from '../dicom/sopClasses.ts';
import { DECODABLE_TRANSFER_SYNTAXES, isKeptTransferSyntax } from '../dicom/transferSyntaxes.ts';
import {
  APPLICATION_CONTEXT_NAME,
  type AnsweredContext,
  type AssociationRequest,
  type ProposedContext,
} from '../dimse/negotiation.ts';
import { SERVICE_TRANSFER_SYNTAXES, type ReceiveConfig } from './receiveConfig.ts';

/** PS3.8 9.3.4: the three numbers of an A-ASSOCIATE-RJ. */
export interface Rejection {
  result: 1 | 2;
  source: 1 | 2 | 3;
  reason: number;
  /** Text for people, without PHI. */
  why: string;
}

/** Where an association comes from. */
export interface Caller {
  address: string;
  /** Null for a plain connection, and for TLS without a client certificate. */
  certificate: CallerCertificate | null;
}

export interface AssociationPolicy {
  /** Null when the association may open. `open` counts the open associations by calling AE title. */
  judge(request: AssociationRequest, caller: Caller, open: ReadonlyMap<string, number>): Rejection | null;
  /**
   * One answer for each proposed context, in the same order; of its transfer syntaxes, the one that is cheapest to decode. What the sender states to be a
   * Storage SOP class is taken for one.
   */
  answer(contexts: readonly ProposedContext[], statedStorageClasses?: readonly string[]): AnsweredContext[];
  /** True for a sender that nobody has let in, whatever else might be said against it. */
  isStranger(callingAeTitle: string, address: string): boolean;
  /** True when at least one source may connect from this address. */
  knows(address: string): boolean;
}

/** What is served besides storage. */
const SERVICES: ReadonlySet<string> = new Set([VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL]);

/**
 * Decides who may send what, without I/O.
 *
 * @throws TriageError `config-invalid` naming the entry that is neither an address nor a network
 */
export function createAssociationPolicy(config: Omit<ReceiveConfig, 'tls' | 'stow'>): AssociationPolicy {
  const sources = config.sources.map(({ aeTitle, addresses, certificates }) => ({
    aeTitle,
    addresses: addressListOf(addresses, 'receive.sources'),
    certificates: certificates ?? [],
  }));
  const privateClasses = new Set(config.acceptedSopClasses);
  const sourcesHere = (aeTitle: string, address: string) =>
    sources.filter((source) => source.aeTitle === aeTitle && isInAddressList(source.addresses, address));
  return {
    isStranger: (callingAeTitle, address) => sourcesHere(callingAeTitle, address).length === 0,
    judge: (request, { address, certificate }, open) => {
      if ((request.protocolVersion & 1) === 0)
        return { result: 1, source: 2, reason: 2, why: 'the protocol version is not supported' };
      if (request.applicationContextName !== APPLICATION_CONTEXT_NAME)
        return { result: 1, source: 1, reason: 2, why: 'the application context is not supported' };
      if (request.calledAeTitle !== config.aeTitle && config.otherAeTitles?.includes(request.calledAeTitle) !== true)
        return { result: 1, source: 1, reason: 7, why: 'it was called by another AE title than its own' };
      const here = sourcesHere(request.callingAeTitle, address);
      if (here.length === 0) {
        const isKnown = sources.some((source) => source.aeTitle === request.callingAeTitle);
        return {
          result: 1,
          source: 1,
          reason: 3,
          why: isKnown
            ? 'the calling AE title may not come from this address'
            : 'the calling AE title is not among the sources',
        };
      }
      const why = certificateRefusal(here, sources, certificate);
      if (why !== null) return { result: 1, source: 1, reason: 3, why };
      return placeRefusal(config, request.callingAeTitle, open);
    },
    answer: (contexts, statedStorageClasses = []) =>
      contexts.map(({ id, abstractSyntaxUid, transferSyntaxUids }) => {
        const isService = SERVICES.has(abstractSyntaxUid);
        const isStorage =
          isStorageSopClass(abstractSyntaxUid) ||
          privateClasses.has(abstractSyntaxUid) ||
          statedStorageClasses.includes(abstractSyntaxUid);
        if (!isService && !isStorage) return { id, result: 3, abstractSyntaxUid };
        const transferSyntaxUid = isService
          ? transferSyntaxUids.find((uid) => SERVICE_TRANSFER_SYNTAXES.includes(uid))
          : chosenSyntax(config, abstractSyntaxUid, transferSyntaxUids);
        return transferSyntaxUid === undefined
          ? { id, result: 4, abstractSyntaxUid }
          : { id, result: 0, abstractSyntaxUid, transferSyntaxUid };
      }),
    knows: (address) => sources.some((source) => isInAddressList(source.addresses, address)),
  };
}

/** Pins certificates to AE titles, both ways: a source with certificates shows one of them, and a certificate that is pinned opens nothing else. */
function certificateRefusal(
  candidates: readonly { certificates: readonly string[] }[],
  sources: readonly { certificates: readonly string[] }[],
  shown: CallerCertificate | null,
): string | null {
  const isOf = ({ certificates }: { certificates: readonly string[] }): boolean =>
    shown !== null && certificates.some((one) => isCertificate(shown, one));
  if (candidates.some(isOf)) return null;
  if (sources.some(isOf)) return 'the certificate is that of another calling AE title';
  if (candidates.some(({ certificates }) => certificates.length === 0)) return null;
  return shown === null
    ? 'the calling AE title must show its certificate, by TLS'
    : 'the certificate is not that of the calling AE title';
}

/** Whether `wanted`, a fingerprint or a name as in `receive.sources[].certificates`, means this certificate. Names are compared without regard to case. */
function isCertificate({ fingerprint256, names }: CallerCertificate, wanted: string): boolean {
  return CERTIFICATE_FINGERPRINT.test(wanted)
    ? fingerprint256 === wanted.toUpperCase()
    : names.some((name) => name.toLowerCase() === wanted.toLowerCase());
}
const CERTIFICATE_FINGERPRINT = /^[0-9a-f]{2}(:[0-9a-f]{2}){31}$/i;

/** No source may take the last places: one is reserved for each other source that has no association open, up to half of all places. */
function placeRefusal(
  { sources, maxAssociations }: Pick<ReceiveConfig, 'sources' | 'maxAssociations'>,
  callingAeTitle: string,
  open: ReadonlyMap<string, number>,
): Rejection | null {
  const total = [...open.values()].reduce((sum, count) => sum + count, 0);
  if (total >= maxAssociations)
    return { result: 2, source: 3, reason: 2, why: 'the limit of open associations is reached' };
  const absent = new Set(sources.map(({ aeTitle }) => aeTitle).filter((aeTitle) => !open.get(aeTitle)));
  absent.delete(callingAeTitle);
  const kept = Math.min(absent.size, Math.floor(maxAssociations / 2));
  if (!open.get(callingAeTitle) || total < maxAssociations - kept) return null;
  return { result: 2, source: 3, reason: 2, why: 'the last open associations are kept for other sources' };
}

/** The cheapest to decode of the proposed ones; if two cost the same, the one that the sender listed first. */
function chosenSyntax(
  { acceptedTransferSyntaxes }: Pick<ReceiveConfig, 'acceptedTransferSyntaxes'>,
  sopClassUid: string,
  proposed: readonly string[],
): string | undefined {
  const allowed = proposed.filter((uid) => acceptedTransferSyntaxes?.includes(uid) ?? true);
  for (const group of DECODABLE_TRANSFER_SYNTAXES) {
    const found = allowed.find((uid) => group.includes(uid));
    if (found !== undefined) return found;
  }
  // A CT that cannot be decoded is refused while its sender can still send it in another encoding; of other objects only the header is ever read.
  return allowed.find(
    (uid) => acceptedTransferSyntaxes !== undefined || (!CT_SOP_CLASSES.has(sopClassUid) && isKeptTransferSyntax(uid)),
  );
}
