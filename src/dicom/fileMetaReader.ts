import { TriageError } from '../base/errors.ts';
import { indexElement, textAt, type IndexedElement } from './elementIndex.ts';
import { EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from './transferSyntaxes.ts';

/** The file meta information (PS3.10 7.1), which precedes the data set. */
export interface FileMetaInformation {
  /** Elements of group 0002. Empty for a file without it. */
  elements: ReadonlyMap<number, IndexedElement>;
  transferSyntaxUid: string;
  /** Index of the first byte of the data set. */
  datasetOffset: number;
}

const PREAMBLE_BYTES = 128;
const PREFIX_BYTES = 4;
const GROUP_LENGTH = 0x00020000;
const TRANSFER_SYNTAX_UID = 0x00020010;

/**
 * Reads the file meta information, also of files without a preamble; a file without any is read as a bare data set. Where no TransferSyntaxUID is given,
 * the first element of the data set shows one without compression.
 *
 * @throws TriageError `dicom-unreadable` for bytes that are not DICOM, or whose transfer syntax is neither named nor seen
 */
export function readFileMetaInformation(bytes: Uint8Array): FileMetaInformation {
  const start = metaStart(bytes);
  if (start === null) return guessedMeta(bytes);
  const elements = new Map<number, IndexedElement>();
  let position = start;
  let declaredEnd: number | null = null;
  let lastTag = -1;
  for (;;) {
    const element = indexElement(bytes, position);
    // Repeated or out-of-order elements belong to the data set, where the writer misplaced them.
    if (element === null || element.tag >>> 16 !== 2 || element.tag <= lastTag) break;
    position = element.dataOffset + element.length;
    if (position > bytes.length) throw unreadable('The file is cut off in its file meta information.');
    lastTag = element.tag;
    elements.set(element.tag, element);
    if (element.tag === GROUP_LENGTH && element.length === 4)
      declaredEnd = position + new DataView(bytes.buffer, bytes.byteOffset + element.dataOffset, 4).getUint32(0, true);
    if (position === declaredEnd && elements.has(TRANSFER_SYNTAX_UID)) break;
  }
  const named = elements.get(TRANSFER_SYNTAX_UID);
  const transferSyntaxUid = named === undefined ? seenSyntax(bytes, position) : textAt(bytes, named);
  if (transferSyntaxUid === null || transferSyntaxUid === '')
    throw unreadable('The file meta information names no TransferSyntaxUID.');
  return { elements, transferSyntaxUid, datasetOffset: position };
}

/** Where group 0002 begins: after preamble and prefix, after the prefix alone, or at the start; null when there is none. */
function metaStart(bytes: Uint8Array): number | null {
  const hasPrefixAt = (position: number): boolean =>
    Buffer.from(bytes.subarray(position, position + PREFIX_BYTES)).toString('latin1') === 'DICM';
  if (hasPrefixAt(PREAMBLE_BYTES)) return PREAMBLE_BYTES + PREFIX_BYTES;
  if (hasPrefixAt(0)) return PREFIX_BYTES;
  const first = indexElement(bytes, 0);
  if (first === null || first.tag >>> 16 !== 2) return null;
  // Some writers encode it in Implicit VR.
  return first.vr !== null || first.dataOffset + first.length <= bytes.length ? 0 : null;
}

/** For a file that begins with its data set. */
function guessedMeta(bytes: Uint8Array): FileMetaInformation {
  const transferSyntaxUid = seenSyntax(bytes, 0);
  if (transferSyntaxUid === null)
    throw unreadable('Not a DICOM file: there is no "DICM" at byte 128, and it begins with no data set.');
  return { elements: new Map(), transferSyntaxUid, datasetOffset: 0 };
}

/** How the data set at `position` is encoded, or null when it is none: group 0008 comes first in every data set that holds an object. */
function seenSyntax(bytes: Uint8Array, position: number): string | null {
  const first = indexElement(bytes, position);
  if (first === null) return null;
  const group = first.tag >>> 16;
  if (group === 8 && first.dataOffset + first.length <= bytes.length)
    return first.vr === null ? IMPLICIT_VR_LITTLE_ENDIAN : EXPLICIT_VR_LITTLE_ENDIAN;
  // Group 0008 with its bytes the other way round.
  return group === 0x0800 && first.vr !== null ? EXPLICIT_VR_BIG_ENDIAN : null;
}

function unreadable(message: string): TriageError {
  return new TriageError('dicom-unreadable', message);
}
