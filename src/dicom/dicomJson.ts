import { decodeText, TEXT_VALUE_REPRESENTATIONS } from './charset.ts';
import { PIXEL_DATA } from './elementIndex.ts';
import type { Elements } from './elements.ts';
import { characterSetsOf } from './header.ts';
import { dictionaryEntryOf } from './part10.ts';

/** A data set in the DICOM JSON Model (PS3.18 F.2): an object for each tag of eight hexadecimal digits. */
export type DicomJson = Record<string, JsonElement>;
interface JsonElement {
  vr: string;
  Value?: readonly JsonValue[];
  InlineBinary?: string;
  BulkDataURI?: string;
}
type JsonValue = string | number | null | DicomJson | Readonly<Record<string, string>>;

/** Longer binary values of a data set are left out; their place is told instead. */
const MOST_INLINE_BYTES = 1_024;

const SPECIFIC_CHARACTER_SET = 0x00080005;
const PIXEL_REPRESENTATION = 0x00280103;
const COMPONENT_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'];
/** VRs that the dictionary leaves to other elements, as Implicit VR reads them (PS3.5 A.1). */
const UNDECIDED: Readonly<Record<string, string>> = { ox: 'OW', lt: 'OW', up: 'UL', na: 'UN' };
const BINARY_NUMBERS: Readonly<Record<string, { bytes: number; read: keyof DataView }>> = {
  US: { bytes: 2, read: 'getUint16' },
  SS: { bytes: 2, read: 'getInt16' },
  UL: { bytes: 4, read: 'getUint32' },
  SL: { bytes: 4, read: 'getInt32' },
  FL: { bytes: 4, read: 'getFloat32' },
  FD: { bytes: 8, read: 'getFloat64' },
  UV: { bytes: 8, read: 'getBigUint64' },
  SV: { bytes: 8, read: 'getBigInt64' },
};

/** A tag as JSON and addresses name it: `7FE00010`. */
export function tagName(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

/**
 * The data set, without file meta information and group lengths. Text is Unicode, which SpecificCharacterSet then says.
 *
 * @param bulkDataUri where the value of a tag can be fetched, for pixel data and binary values of over {@link MOST_INLINE_BYTES}
 */
export function dicomJson(elements: Elements, bulkDataUri: (tag: number) => string): DicomJson {
  return jsonOf(elements, { characterSets: [], isSigned: false, bulkDataUri });
}

interface Surroundings {
  /** Of the data set around an item, which has none of its own. */
  characterSets: readonly string[];
  isSigned: boolean;
  /** Null within items: their values have no address. */
  bulkDataUri: ((tag: number) => string) | null;
}

function jsonOf(elements: Elements, around: Surroundings): DicomJson {
  const here: Surroundings = {
    ...around,
    characterSets: elements.has(SPECIFIC_CHARACTER_SET) ? characterSetsOf(elements) : around.characterSets,
    isSigned: elements.has(PIXEL_REPRESENTATION) ? elements.uint16(PIXEL_REPRESENTATION) === 1 : around.isSigned,
  };
  return Object.fromEntries(
    elements
      .tags()
      .filter((tag) => tag >>> 16 > 0x0002 && (tag & 0xffff) !== 0)
      .sort((a, b) => a - b)
      .map((tag) => [tagName(tag), elementJson(elements, tag, here)]),
  );
}

function elementJson(elements: Elements, tag: number, here: Surroundings): JsonElement {
  const vr = vrOf(elements, tag, here.isSigned);
  if (tag === SPECIFIC_CHARACTER_SET) return { vr, Value: ['ISO_IR 192'] };
  if (tag === PIXEL_DATA) return here.bulkDataUri === null ? { vr } : { vr, BulkDataURI: here.bulkDataUri(tag) };
  if (vr === 'SQ') return withValues(vr, sequenceOf(elements, tag, here));
  if (vr === 'AT' || vr in BINARY_NUMBERS) return withValues(vr, binaryValues(elements, tag, vr));
  if (/^(O.|UN)$/.test(vr)) return binaryJson(elements, tag, vr, here);
  return withValues(vr, textValues(elements, tag, vr, here.characterSets));
}

const withValues = (vr: string, values: readonly JsonValue[]): JsonElement =>
  values.length === 0 ? { vr } : { vr, Value: values };

/** As written; that of the dictionary where the writer did not know it. */
function vrOf(elements: Elements, tag: number, isSigned: boolean): string {
  const written = elements.vr(tag);
  if (written !== null && written !== 'UN') return written;
  const known = dictionaryEntryOf(tag)?.vr ?? (isPrivateCreator(tag) ? 'LO' : 'UN');
  return known === 'xs' ? (isSigned ? 'SS' : 'US') : (UNDECIDED[known] ?? known);
}

function isPrivateCreator(tag: number): boolean {
  const element = tag & 0xffff;
  return ((tag >>> 16) & 1) === 1 && element >= 0x0010 && element <= 0x00ff;
}

function sequenceOf(elements: Elements, tag: number, here: Surroundings): DicomJson[] {
  return elements.items(tag).map((item) => jsonOf(item, { ...here, bulkDataUri: null }));
}

function binaryJson(elements: Elements, tag: number, vr: string, { bulkDataUri }: Surroundings): JsonElement {
  const bytes = elements.bytes(tag) ?? new Uint8Array();
  if (bytes.length === 0) return { vr };
  if (bytes.length > MOST_INLINE_BYTES && bulkDataUri !== null) return { vr, BulkDataURI: bulkDataUri(tag) };
  return { vr, InlineBinary: Buffer.from(bytes).toString('base64') };
}

function binaryValues(elements: Elements, tag: number, vr: string): JsonValue[] {
  const bytes = elements.bytes(tag) ?? new Uint8Array();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const littleEndian = !elements.bigEndian;
  if (vr === 'AT')
    return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) =>
      tagName(view.getUint16(index * 4, littleEndian) * 0x10000 + view.getUint16(index * 4 + 2, littleEndian)),
    );
  const { bytes: size, read } = BINARY_NUMBERS[vr]!;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => {
    const value = (view[read] as (offset: number, littleEndian: boolean) => number | bigint).call(
      view,
      index * size,
      littleEndian,
    );
    // JSON has no number for these; a large one would lose its last digits.
    if (typeof value === 'bigint') return String(value);
    return Number.isFinite(value) ? value : null;
  });
}

function textValues(elements: Elements, tag: number, vr: string, characterSets: readonly string[]): JsonValue[] {
  const bytes = elements.bytes(tag) ?? new Uint8Array();
  const values = TEXT_VALUE_REPRESENTATIONS.has(vr)
    ? decodeText(bytes, characterSets, vr)
    : vr === 'UR'
      ? (elements.string(tag) ?? '').split('\n').filter((value) => value !== '')
      : elements.strings(tag);
  if (vr === 'PN') return values.map(personName);
  if (vr === 'DS' || vr === 'IS') return values.map(decimalNumber);
  return values.map((value) => (value === '' ? null : value));
}

/** A person's name by its component groups; null when it is empty (PS3.18 F.2.2). */
export function personName(name: string): Readonly<Record<string, string>> | null {
  const groups = name.split('=').map((group) => group.replace(/\^+$/, ''));
  const named = COMPONENT_GROUPS.flatMap((key, index) => (groups[index] ? [[key, groups[index]] as const] : []));
  return named.length === 0 ? null : Object.fromEntries(named);
}

/** A number, or the text itself where it is none: PS3.18 F.2.3 allows both. */
function decimalNumber(text: string): JsonValue {
  if (text === '') return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}
