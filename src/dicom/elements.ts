import { inflateRawSync, constants as zlib } from 'node:zlib';
import { TriageError, messageOf } from '../base/errors.ts';
import { withoutZlibHeader } from '../base/zlibHeader.ts';
import {
  indexElements,
  itemsOf,
  PIXEL_DATA,
  tagText,
  UNDEFINED_LENGTH,
  type Encoding,
  type IndexedElement,
} from './elementIndex.ts';
import { readFileMetaInformation, type FileMetaInformation } from './fileMetaReader.ts';
import {
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_BIG_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
} from './transferSyntaxes.ts';

/** Everything before the pixel data must lie within this many bytes: limits what a hostile file can make the parser keep. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024;
/** Maximum size of an inflated data set. */
export const MAX_INFLATED_BYTES = 128 * 1024 * 1024;

/** Maximum number of items read from one sequence: more than a multi-frame object has. */
const MAX_ITEMS = 65_536;
const ITEM = 0xfffee000;
const SEQUENCE_DELIMITER = 0xfffee0dd;
/** Longest value that the accessors for short values read; explicit VRs of such values hold no more (PS3.5 7.1.2). */
const MAX_SHORT_VALUE_BYTES = 65_534;

/** The value of PixelData (PS3.5 8, A.4): bytes in the byte order of the file, or the fragments of a compressed frame or frames. */
type PixelDataElement =
  | { kind: 'native'; bytes: Uint8Array }
  /** `offsets`: the Basic Offset Table, empty when the file leaves it empty. */
  | { kind: 'encapsulated'; offsets: number[]; fragments: Uint8Array[] };

/**
 * The elements of a data set or of one sequence item, read lazily. Tags are numbers, `0x00100010` for (0010,0010).
 * Absent and empty elements both read as null, an empty array or an empty string, as each accessor says.
 */
export interface Elements {
  /** Transfer syntax of the file, also for items. */
  readonly transferSyntaxUid: string;
  /** Index of the first byte after the file meta information. */
  readonly datasetOffset: number;
  readonly bigEndian: boolean;
  /** True when the element is present, even if it is empty. */
  has(tag: number): boolean;
  /** Tags present, in file order. */
  tags(): number[];
  /** VR as written; null when absent or in Implicit VR. */
  vr(tag: number): string | null;
  /** Raw value bytes (a view), or null when absent; text in any character set is decoded from these. */
  bytes(tag: number): Uint8Array | null;
  /** Value as one Latin-1 string without its padding, or null when absent or empty: for UI, CS, DA, TM, DS, IS, AE. */
  string(tag: number): string | null;
  /** Values split at the backslash, each without its padding; empty when absent or empty. */
  strings(tag: number): string[];
  /** Values of a DS or IS; null unless each is a finite number and there is at least one. */
  numbers(tag: number): number[] | null;
  /** One value of a US, or null. */
  uint16(tag: number, index?: number): number | null;
  /** One value of an SS, or null. */
  int16(tag: number, index?: number): number | null;
  /** One value of a UL, or null. */
  uint32(tag: number, index?: number): number | null;
  /** Position of the value in the file, or in the inflated file, and its declared length; null when absent. */
  place(tag: number): { dataOffset: number; length: number } | null;
  /** Items of a sequence, or the first `most` of them; empty when absent. */
  items(tag: number, most?: number): Elements[];
  /** Null when there is none. @throws TriageError `dicom-unreadable` when it is truncated or its items are broken. */
  pixelData(): PixelDataElement | null;
}

interface ParseOptions {
  /** The bytes may end anywhere after the header; `pixelData` is not checked. */
  stopBeforePixelData?: boolean;
  /** Size of the file that begins with these bytes; default: these bytes are the whole file. */
  fileBytes?: number;
  /** Elements after this tag may lie beyond the part that is read for a header. */
  lastNeededTag?: number;
}

/**
 * Reads a DICOM file (PS3.10 7.1) in any transfer syntax; the pixel data stay encoded. Files without a preamble, files without file meta information,
 * and files that repeat it inside the data set are read as other toolkits read them. Unless `stopBeforePixelData` is set, checks that the
 * file holds all of its pixel data.
 *
 * @throws TriageError `dicom-unreadable`: empty, not DICOM, truncated, too large, or broken; the message says which.
 */
export function parseElements(bytes: Uint8Array, options: ParseOptions = {}): Elements {
  if (bytes.length === 0) throw unreadable('The file is empty.');
  const meta = readFileMetaInformation(bytes.subarray(0, MAX_HEADER_BYTES));
  const { datasetOffset, transferSyntaxUid } = meta;
  const isDeflated = transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
  const whole = isDeflated ? inflated(bytes, datasetOffset, options.stopBeforePixelData ?? false) : bytes;
  if (whole.length <= datasetOffset) throw unreadable('The file ends after the file meta information: no data set.');
  const encoding: Encoding = {
    explicit: transferSyntaxUid !== IMPLICIT_VR_LITTLE_ENDIAN,
    bigEndian: isBigEndian(whole, datasetOffset, transferSyntaxUid === EXPLICIT_VR_BIG_ENDIAN),
  };
  const end = Math.min(whole.length, datasetOffset + MAX_HEADER_BYTES);
  const { elements, lastTag, isCut } = indexElements(whole, datasetOffset, end, encoding);
  const isAllRead = end >= (isDeflated ? whole.length : Math.max(whole.length, options.fileBytes ?? 0));
  if (isAllRead && isCut) throw unreadable(`The file is cut off in element ${tagText(lastTag)}.`);
  if (!isAllRead && lastTag <= (options.lastNeededTag ?? PIXEL_DATA) && !elements.has(PIXEL_DATA))
    throw unreadable(`The header is over ${MAX_HEADER_BYTES / 1024 / 1024} MiB.`);
  const parsed = view(elements, { whole, meta, bigEndian: encoding.bigEndian });
  if (options.stopBeforePixelData !== true) parsed.pixelData();
  return parsed;
}

/** Whether the data set is in Big Endian. What its first element shows, which is of group 0008, outranks the transfer syntax. */
function isBigEndian(bytes: Uint8Array, position: number, isDeclared: boolean): boolean {
  const [first, second, , , ...vr] = bytes.subarray(position, position + 6);
  if (first === 8 && second === 0) return false;
  return isDeclared || (first === 0 && second === 8 && /^[A-Z]{2}$/.test(String.fromCharCode(...vr)));
}

/** CurrentPatientLocation is the last element read from a header; the bulk data of documents and raw data come after it. */
const LAST_HEADER_TAG = 0x00380300;

/**
 * The header elements that a case is built from, read from the beginning of a file of `fileBytes`; anything after them may be longer than the part read.
 *
 * @throws TriageError `dicom-unreadable`
 */
export function parseHeaderElements(bytes: Uint8Array, fileBytes: number): Elements {
  return parseElements(bytes, { stopBeforePixelData: true, fileBytes, lastNeededTag: LAST_HEADER_TAG });
}

interface FileFacts {
  whole: Uint8Array;
  meta: FileMetaInformation;
  bigEndian: boolean;
}

function view(elements: ReadonlyMap<number, IndexedElement>, file: FileFacts, isItem = false): Elements {
  const { whole, meta } = file;
  const find = (tag: number): IndexedElement | undefined =>
    (isItem ? undefined : meta.elements.get(tag)) ?? elements.get(tag);
  const bytes = (tag: number): Uint8Array | null => {
    const element = find(tag);
    return element === undefined || tag === PIXEL_DATA
      ? null
      : whole.subarray(element.dataOffset, element.dataOffset + element.length);
  };
  const string = (tag: number): string | null => {
    const value = trimmed(Buffer.from(bytes(tag)?.subarray(0, MAX_SHORT_VALUE_BYTES) ?? []).toString('latin1'));
    return value === '' ? null : value;
  };
  const strings = (tag: number): string[] => string(tag)?.split('\\').map(trimmed) ?? [];
  const binary = (tag: number, offset: number, read: ReadNumber): number | null => {
    const value = bytes(tag);
    try {
      return value === null
        ? null
        : read(new DataView(value.buffer, value.byteOffset, value.length), offset, !file.bigEndian || tag >>> 16 === 2);
    } catch (error) {
      // The value ends before that index.
      if (error instanceof RangeError) return null;
      throw error;
    }
  };
  const numbers = (tag: number): number[] | null => {
    const element = find(tag);
    const type = BINARY_NUMBERS.get(element?.vr ?? '');
    const values =
      element === undefined || type === undefined
        ? strings(tag)
            // Some writers end the last value like the others.
            .filter((value, index, all) => value !== '' || index < all.length - 1)
            .map(decimal)
        : Array.from({ length: Math.floor(element.length / type.bytes) }, (_, index) =>
            Number(binary(tag, index * type.bytes, type.read)),
          );
    return values.length > 0 && values.every(Number.isFinite) ? values : null;
  };
  return {
    transferSyntaxUid: meta.transferSyntaxUid,
    datasetOffset: meta.datasetOffset,
    bigEndian: file.bigEndian,
    has: (tag) => find(tag) !== undefined,
    tags: () => [...(isItem ? [] : meta.elements.keys()), ...elements.keys()],
    vr: (tag) => find(tag)?.vr ?? null,
    bytes,
    string,
    strings,
    numbers,
    uint16: (tag, index = 0) => {
      // SS is read as what it is in place of: PixelPaddingValue has one of both.
      if (!NOT_SHORT.has(find(tag)?.vr ?? ''))
        return binary(tag, index * 2, (at, offset, le) => at.getUint16(offset, le));
      const value = numbers(tag)?.[index] ?? -1;
      return Number.isInteger(value) && value >= 0 && value <= 0xffff ? value : null;
    },
    int16: (tag, index = 0) => binary(tag, index * 2, (at, offset, le) => at.getInt16(offset, le)),
    uint32: (tag, index = 0) => binary(tag, index * 4, (at, offset, le) => at.getUint32(offset, le)),
    place: (tag) => {
      const element = find(tag);
      return element === undefined ? null : { dataOffset: element.dataOffset, length: element.length };
    },
    items: (tag, most = MAX_ITEMS) => {
      const sequence = find(tag);
      if (sequence === undefined || tag === PIXEL_DATA) return [];
      return itemsOf(whole, sequence, most).map(({ start, end }) => {
        const item = indexElements(whole, start, end, sequence.encoding);
        if (item.isCut) throw unreadable(`The file is broken in element ${tagText(tag)}.`);
        return view(item.elements, file, true);
      });
    },
    pixelData: () => {
      const element = find(PIXEL_DATA);
      // Pixel data inside an item belong to an icon.
      return element === undefined || isItem ? null : readPixelData(element, whole);
    },
  };
}

function readPixelData(element: IndexedElement, whole: Uint8Array): PixelDataElement {
  const end = element.dataOffset + element.length;
  if (element.length !== UNDEFINED_LENGTH) {
    if (end > whole.length)
      throw unreadable(
        `The pixel data are cut off: ${element.length} bytes declared, ${whole.length - element.dataOffset} there.`,
      );
    return { kind: 'native', bytes: whole.subarray(element.dataOffset, end) };
  }
  // Encapsulated pixel data are always Little Endian (PS3.5 A.4).
  const at = new DataView(whole.buffer, whole.byteOffset, whole.length);
  const items: Uint8Array[] = [];
  let position = element.dataOffset;
  for (;;) {
    if (position + 8 > whole.length)
      throw unreadable('The pixel data are cut off: the sequence of fragments has no end.');
    const tag = at.getUint16(position, true) * 0x10000 + at.getUint16(position + 2, true);
    const length = at.getUint32(position + 4, true);
    position += 8;
    if (tag === SEQUENCE_DELIMITER) break;
    if (tag !== ITEM)
      throw unreadable('The pixel data are broken: something other than a fragment among the fragments.');
    if (position + length > whole.length)
      throw unreadable(
        `The pixel data are cut off: a fragment of ${length} bytes declared, ${whole.length - position} there.`,
      );
    items.push(whole.subarray(position, position + length));
    position += length;
  }
  const [table, ...fragments] = items;
  if (table === undefined || table.length % 4 !== 0)
    throw unreadable('The pixel data are broken: no Basic Offset Table item.');
  const tableAt = new DataView(table.buffer, table.byteOffset, table.length);
  return {
    kind: 'encapsulated',
    offsets: Array.from({ length: table.length / 4 }, (_, index) => tableAt.getUint32(index * 4, true)),
    fragments,
  };
}

/** The file with its data set inflated (PS3.5 A.5); if only the beginning of the file was given, it may end inside the stream. */
function inflated(bytes: Uint8Array, datasetOffset: number, mayBeCut: boolean): Uint8Array {
  let dataset: Buffer;
  try {
    dataset = inflateRawSync(withoutZlibHeader(bytes.subarray(datasetOffset)), {
      maxOutputLength: MAX_INFLATED_BYTES,
      ...(mayBeCut ? { finishFlush: zlib.Z_SYNC_FLUSH } : {}),
    });
  } catch (error) {
    throw unreadable('The file is cut off or broken: its data set cannot be inflated.', error);
  }
  const whole = new Uint8Array(datasetOffset + dataset.length);
  whole.set(bytes.subarray(0, datasetOffset));
  whole.set(dataset, datasetOffset);
  return whole;
}

/** VRs in which some writers put what is a US by PS3.6. */
const NOT_SHORT: ReadonlySet<string> = new Set(['DS', 'IS', 'FD', 'FL', 'SL', 'UL']);
/** VRs in which some writers put what is a DS or IS by PS3.6. */
const BINARY_NUMBERS: ReadonlyMap<string, { bytes: number; read: ReadNumber }> = new Map([
  ['FD', { bytes: 8, read: (at, offset, littleEndian) => at.getFloat64(offset, littleEndian) }],
  ['FL', { bytes: 4, read: (at, offset, littleEndian) => at.getFloat32(offset, littleEndian) }],
  ['UL', { bytes: 4, read: (at, offset, littleEndian) => at.getUint32(offset, littleEndian) }],
  ['SL', { bytes: 4, read: (at, offset, littleEndian) => at.getInt32(offset, littleEndian) }],
  ['US', { bytes: 2, read: (at, offset, littleEndian) => at.getUint16(offset, littleEndian) }],
  ['SS', { bytes: 2, read: (at, offset, littleEndian) => at.getInt16(offset, littleEndian) }],
]);
type ReadNumber = (at: DataView, offset: number, littleEndian: boolean) => number;

/** A DS or IS. Writers in countries with a decimal comma sometimes write it; NaN for "-1,024", which may as well be a thousand. */
function decimal(value: string): number {
  const isDecimalComma = /^[+-]?\d*,\d+$/.test(value) && !/^[+-]?[1-9]\d{0,2},\d{3}$/.test(value);
  return value === '' ? Number.NaN : Number(isDecimalComma ? value.replace(',', '.') : value);
}

/** Strips the padding of PS3.5 6.2: spaces on both sides, NULs at the end. */
function trimmed(value: string): string {
  return value.replace(/[\0 ]+$/, '').replace(/^ +/, '');
}

function unreadable(message: string, cause?: unknown): TriageError {
  return new TriageError(
    'dicom-unreadable',
    message,
    cause === undefined ? {} : { cause: cause instanceof Error ? cause : new Error(messageOf(cause)) },
  );
}
