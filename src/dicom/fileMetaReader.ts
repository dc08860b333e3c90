import { TriageError } from '../base/errors.ts';
import { indexElement, textAt, type IndexedElement } from './elementIndex.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from './transferSyntaxes.ts';

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
 * Reads the file meta information, also of files without a preamble; a file without any is read as a bare data set.
 *
 * @throws TriageError `dicom-unreadable` for bytes that are not DICOM, or that name no transfer syntax
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
  const transferSyntaxUid = textAt(bytes, elements.get(TRANSFER_SYNTAX_UID));
  if (transferSyntaxUid === '') throw unreadable('The file meta information names no TransferSyntaxUID.');
  return { elements, transferSyntaxUid, datasetOffset: position };
}

/** Where group 0002 begins: after preamble and prefix, after the prefix alone, or at the start; null when there is none. */
function metaStart(bytes: Uint8Array): number | null {
  const hasPrefixAt = (position: number): boolean =>
    Buffer.from(bytes.subarray(position, position + PREFIX_BYTES)).toString('latin1') === 'DICM';
  if (hasPrefixAt(PREAMBLE_BYTES)) return PREAMBLE_BYTES + PREFIX_BYTES;
  if (hasPrefixAt(0)) return PREFIX_BYTES;
  const first = indexElement(bytes, 0);
  return first !== null && first.tag >>> 16 === 2 && first.vr !== null ? 0 : null;
}

/** For a file that begins with its data set: group 0008 comes first in every data set that holds an object. */
function guessedMeta(bytes: Uint8Array): FileMetaInformation {
  const first = indexElement(bytes, 0);
  const isDataSet = first !== null && first.tag >>> 16 === 8 && first.dataOffset + first.length <= bytes.length;
  if (!isDataSet) throw unreadable('Not a DICOM file: there is no "DICM" at byte 128, and it begins with no data set.');
  const transferSyntaxUid = first.vr === null ? IMPLICIT_VR_LITTLE_ENDIAN : EXPLICIT_VR_LITTLE_ENDIAN;
  return { elements: new Map(), transferSyntaxUid, datasetOffset: 0 };
}

function unreadable(message: string): TriageError {
  return new TriageError('dicom-unreadable', message);
}
