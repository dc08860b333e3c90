import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';

/** Who may send: a calling AE title and the addresses that it may come from. */
export interface AllowedSource {
  aeTitle: string;
  /** IPv4 or IPv6 addresses, or networks in CIDR notation. */
  addresses: readonly string[];
}

/** Settings of the Storage SCP; the same names, units and defaults as `receive` in the configuration. */
export interface ReceiveConfig {
  host: string;
  /** 0 takes a free one. */
  port: number;
  aeTitle: string;
  /** Empty: nobody may send. */
  sources: readonly AllowedSource[];
  maxAssociations: number;
  maxPduLengthBytes: number;
  maxObjectBytes: number;
  /** From the connection to the whole A-ASSOCIATE-RQ. */
  requestTimeoutMs: number;
  /** Longest wait for the next whole PDU of an open association. */
  idleTimeoutMs: number;
  /** From the command of an object to its last fragment. */
  objectTimeoutMs: number;
  minFreeBytes: number;
  /** SOP classes beside `BUILT_IN_SOP_CLASSES`. */
  acceptedSopClasses: readonly string[];
  /** Transfer syntaxes of storage contexts; left out: `DECODABLE_TRANSFER_SYNTAXES`. */
  acceptedTransferSyntaxes?: readonly string[];
}

export const DEFAULT_RECEIVE_CONFIG: ReceiveConfig = {
  host: '127.0.0.1',
  port: 11112,
  aeTitle: 'ODONTOID',
  sources: [],
  maxAssociations: 20,
  maxPduLengthBytes: 262_144,
  maxObjectBytes: 268_435_456,
  requestTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  objectTimeoutMs: 300_000,
  minFreeBytes: 2_147_483_648,
  acceptedSopClasses: [],
};

/** Storage SOP classes that are always taken (PS3.4 B.5); only CT is analysed, the rest is kept with its study. */
export const BUILT_IN_SOP_CLASSES: readonly string[] = [
  '1.2.840.10008.5.1.4.1.1.2', // CT Image
  '1.2.840.10008.5.1.4.1.1.2.1', // Enhanced CT Image
  '1.2.840.10008.5.1.4.1.1.7', // Secondary Capture Image
  '1.2.840.10008.5.1.4.1.1.7.1', // Multi-frame Single Bit Secondary Capture Image
  '1.2.840.10008.5.1.4.1.1.7.2', // Multi-frame Grayscale Byte Secondary Capture Image
  '1.2.840.10008.5.1.4.1.1.7.3', // Multi-frame Grayscale Word Secondary Capture Image
  '1.2.840.10008.5.1.4.1.1.7.4', // Multi-frame True Color Secondary Capture Image
  '1.2.840.10008.5.1.4.1.1.88.11', // Basic Text SR
  '1.2.840.10008.5.1.4.1.1.88.22', // Enhanced SR
  '1.2.840.10008.5.1.4.1.1.88.33', // Comprehensive SR
  '1.2.840.10008.5.1.4.1.1.88.34', // Comprehensive 3D SR
];

/** Transfer syntaxes whose pixels the inference child can decode (PS3.5 8, 10, A). */
export const DECODABLE_TRANSFER_SYNTAXES: readonly string[] = [
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  '1.2.840.10008.1.2.1.99', // Deflated Explicit VR Little Endian
  '1.2.840.10008.1.2.2', // Explicit VR Big Endian (retired, and still sent)
  '1.2.840.10008.1.2.5', // RLE Lossless
  '1.2.840.10008.1.2.4.51', // JPEG Extended
  '1.2.840.10008.1.2.4.57', // JPEG Lossless
  '1.2.840.10008.1.2.4.70', // JPEG Lossless, first-order prediction
  '1.2.840.10008.1.2.4.80', // JPEG-LS Lossless
  '1.2.840.10008.1.2.4.81', // JPEG-LS Near-lossless
  '1.2.840.10008.1.2.4.90', // JPEG 2000 Lossless
  '1.2.840.10008.1.2.4.91', // JPEG 2000
  '1.2.840.10008.1.2.4.201', // HTJ2K Lossless
  '1.2.840.10008.1.2.4.202', // HTJ2K Lossless RPCL
  '1.2.840.10008.1.2.4.203', // HTJ2K
];

/** What a Verification context may be in (PS3.4 A.5). */
export const VERIFICATION_TRANSFER_SYNTAXES: readonly string[] = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
