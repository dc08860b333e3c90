import type { ServerTls } from '../base/tlsAcceptor.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';

/** Who may send: a calling AE title and the addresses that it may come from. */
export interface AllowedSource {
  aeTitle: string;
  /** IPv4 or IPv6 addresses, or networks in CIDR notation. */
  addresses: readonly string[];
  /** SHA-256 fingerprints or names of its certificates. When given, it may come by TLS only, with one of them. */
  certificates?: readonly string[] | undefined;
}

/** STOW-RS behind the page's server, which lets in, identifies, and hands the bytes on over loopback. */
export interface ReceiveStow {
  /** 0 picks a free port. */
  port: number;
  /** Shown with each request, so that no other program of this machine is taken for the agent. */
  secret: string;
  maxParts: number;
  maxRequestBytes: number;
}

/** Settings of the Storage SCP; the same names, units and defaults as `receive` in the configuration. */
export interface ReceiveConfig {
  host: string;
  /** 0 picks a free port. */
  port: number;
  aeTitle: string;
  /** Further called AE titles. */
  otherAeTitles?: readonly string[];
  /** Empty: nobody may send. */
  sources: readonly AllowedSource[];
  maxAssociations: number;
  maxPduLengthBytes: number;
  maxObjectBytes: number;
  /** From the connection to the whole A-ASSOCIATE-RQ. */
  requestTimeoutMs: number;
  /** Longest wait for the next whole PDU of an open association. */
  idleTimeoutMs: number;
  /** Time limit from the command of an object to its last fragment. */
  objectTimeoutMs: number;
  minFreeBytes: number;
  /** SOP classes accepted in addition to the standard's Storage SOP classes, such as private ones. */
  acceptedSopClasses: readonly string[];
  /** Transfer syntaxes of storage contexts. Default: those that can be decoded, and for objects other than CT every one in which an object can be kept. */
  acceptedTransferSyntaxes?: readonly string[];
  /** DICOM TLS (PS3.15 B.12) beside the plain port. Absent: no TLS port. */
  tls?: ServerTls;
  /** Absent: no STOW-RS. */
  stow?: ReceiveStow | undefined;
}

/** Who may send, and which AE titles they may call: what changes while the receiver runs. */
export type AllowedCallers = Pick<ReceiveConfig, 'sources' | 'otherAeTitles'>;

export const DEFAULT_RECEIVE_CONFIG: ReceiveConfig = {
  host: '127.0.0.1',
  port: 11112,
  aeTitle: 'ODONTOID',
  sources: [],
  maxAssociations: 20,
  maxPduLengthBytes: 262_144,
  maxObjectBytes: 4_294_967_296,
  requestTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  objectTimeoutMs: 300_000,
  minFreeBytes: 2_147_483_648,
  acceptedSopClasses: [],
};

/** Transfer syntaxes accepted for a context in which no objects are stored (PS3.4 A.5). */
export const SERVICE_TRANSFER_SYNTAXES: readonly string[] = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
