import { TriageError } from '../base/errors.ts';

/** Transfer syntaxes by their UIDs (PS3.5 10 and annex A). */
export const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const EXPLICIT_VR_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';
/** Each frame uncompressed in fragments (PS3.5 A.4.11). */
export const ENCAPSULATED_UNCOMPRESSED = '1.2.840.10008.1.2.1.98';
/** Each frame deflated (PS3.5 A.4.14, 8.2.16). */
export const DEFLATED_IMAGE_FRAME = '1.2.840.10008.1.2.8.1';

/** Transfer syntaxes whose pixels the inference child can decode: cheapest to decode first, and all lossless ones before those that may be lossy. */
export const DECODABLE_TRANSFER_SYNTAXES: readonly (readonly string[])[] = [
  [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
  [ENCAPSULATED_UNCOMPRESSED],
  [EXPLICIT_VR_BIG_ENDIAN], // Retired, and still sent
  ['1.2.840.10008.1.2.5'], // RLE Lossless
  [DEFLATED_IMAGE_FRAME],
  [DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN], // Deflated Explicit VR Little Endian: the whole data set is inflated in one piece
  [
    '1.2.840.10008.1.2.4.57', // JPEG Lossless
    '1.2.840.10008.1.2.4.70', // JPEG Lossless, first-order prediction
  ],
  [
    '1.2.840.10008.1.2.4.201', // HTJ2K Lossless
    '1.2.840.10008.1.2.4.202', // HTJ2K Lossless RPCL
  ],
  ['1.2.840.10008.1.2.4.80'], // JPEG-LS Lossless
  ['1.2.840.10008.1.2.4.90'], // JPEG 2000 Lossless
  ['1.2.840.10008.1.2.4.51'], // JPEG Extended
  ['1.2.840.10008.1.2.4.203'], // HTJ2K
  ['1.2.840.10008.1.2.4.81'], // JPEG-LS Near-lossless
  ['1.2.840.10008.1.2.4.91'], // JPEG 2000
];

/** Transfer syntaxes whose pixels are not compressed, or only together with the whole data set. */
export const NATIVE_TRANSFER_SYNTAXES: ReadonlySet<string> = new Set([
  IMPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_BIG_ENDIAN,
]);

/** The error for pixels in a transfer syntax that cannot be decoded; it says what a sender can do. */
export function unsupportedTransferSyntax(transferSyntaxUid: string): TriageError {
  return new TriageError(
    'transfer-syntax-unsupported',
    `Transfer syntax ${transferSyntaxUid} cannot be decoded: let the sender send Explicit VR Little Endian, or a lossless syntax.`,
    { context: { transferSyntaxUid } },
  );
}

const STANDARD_ROOT = '1.2.840.10008.1.2';
/** Defined by the standard, but not an encoding of a complete data set: pixels elsewhere (JPIP), MIME, XML. */
const NOT_SELF_CONTAINED: ReadonlySet<string> = new Set([
  '1.2.840.10008.1.2.4.94', // JPIP Referenced
  '1.2.840.10008.1.2.4.95', // JPIP Referenced Deflate
  '1.2.840.10008.1.2.4.204', // JPIP HTJ2K Referenced
  '1.2.840.10008.1.2.4.205', // JPIP HTJ2K Referenced Deflate
  '1.2.840.10008.1.2.6.1', // RFC 2557 MIME encapsulation, retired
  '1.2.840.10008.1.2.6.2', // XML Encoding, retired
]);

/** True for a transfer syntax in which an object can be stored and its header read, whether or not its pixels can be decoded. */
export function isKeptTransferSyntax(uid: string): boolean {
  return (uid === STANDARD_ROOT || uid.startsWith(`${STANDARD_ROOT}.`)) && !NOT_SELF_CONTAINED.has(uid);
}
