import { TriageError } from '../base/errors.ts';

/** An element with its value: bytes as they are in Little Endian, or the items of a sequence. */
export interface TreeElement {
  readonly tag: number;
  readonly vr: string;
  readonly value: Buffer | readonly ElementTree[];
}

/** The elements of a data set or item, in ascending order of their tags. */
export type ElementTree = readonly TreeElement[];

const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const UNDEFINED_LENGTH = 0xffffffff;
/** VRs whose length field has 32 bits in Explicit VR (PS3.5 7.1.2). */
const LONG_VRS: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

/**
 * The elements of a data set in Explicit VR Little Endian whose pixel data, if any, is not in fragments: what Odontoid writes itself. Values are views of
 * `bytes`.
 *
 * @throws TriageError `dicom-unreadable` where the bytes are anything else
 */
export function readElementTree(bytes: Buffer): ElementTree {
  return elementsUntil(bytes, { position: 0 }, bytes.length, null);
}

interface Cursor {
  position: number;
}

function elementsUntil(bytes: Buffer, cursor: Cursor, end: number, delimiter: number | null): TreeElement[] {
  const elements: TreeElement[] = [];
  while (cursor.position < end) {
    const tag = readTag(bytes, cursor, end);
    if (tag === delimiter) {
      cursor.position += 4;
      return elements;
    }
    const vr = bytes.toString('latin1', cursor.position, cursor.position + 2);
    if (!/^[A-Z]{2}$/.test(vr)) throw unreadable();
    const isLong = LONG_VRS.has(vr);
    if (cursor.position + (isLong ? 8 : 4) > end) throw unreadable();
    const length = isLong ? bytes.readUInt32LE(cursor.position + 4) : bytes.readUInt16LE(cursor.position + 2);
    cursor.position += isLong ? 8 : 4;
    if (vr === 'SQ') {
      elements.push({ tag, vr, value: itemsOf(bytes, cursor, length, end) });
      continue;
    }
    // Pixel data in fragments, or a sequence of unknown VR: neither is ours.
    if (cursor.position + length > end) throw unreadable();
    elements.push({ tag, vr, value: bytes.subarray(cursor.position, cursor.position + length) });
    cursor.position += length;
  }
  if (delimiter !== null) throw unreadable();
  return elements;
}

function itemsOf(bytes: Buffer, cursor: Cursor, length: number, outerEnd: number): ElementTree[] {
  const end = length === UNDEFINED_LENGTH ? outerEnd : cursor.position + length;
  if (end > outerEnd) throw unreadable();
  const items: ElementTree[] = [];
  while (cursor.position < end) {
    const tag = readTag(bytes, cursor, end);
    const itemLength = bytes.readUInt32LE(cursor.position);
    cursor.position += 4;
    if (tag === SEQUENCE_END && length === UNDEFINED_LENGTH) return items;
    if (tag !== ITEM) throw unreadable();
    if (itemLength === UNDEFINED_LENGTH) items.push(elementsUntil(bytes, cursor, end, ITEM_END));
    else {
      if (cursor.position + itemLength > end) throw unreadable();
      items.push(elementsUntil(bytes, cursor, cursor.position + itemLength, null));
    }
  }
  if (length === UNDEFINED_LENGTH) throw unreadable();
  return items;
}

/** A tag; afterwards at least four bytes follow. */
function readTag(bytes: Buffer, cursor: Cursor, end: number): number {
  if (cursor.position + 8 > end) throw unreadable();
  const tag = bytes.readUInt16LE(cursor.position) * 0x10000 + bytes.readUInt16LE(cursor.position + 2);
  cursor.position += 4;
  return tag;
}

function unreadable(): TriageError {
  return new TriageError('dicom-unreadable', 'The data set is not in Explicit VR Little Endian without fragments.');
}

/** The bytes of a data set in Little Endian (PS3.5 7.1), sequences and items with their lengths; values stay as they are. */
export function writeElementTree(elements: ElementTree, encoding: 'explicit' | 'implicit'): Buffer {
  return Buffer.concat(elements.flatMap((element) => elementParts(element, encoding)));
}

function elementParts({ tag, vr, value }: TreeElement, encoding: 'explicit' | 'implicit'): Buffer[] {
  const parts = Buffer.isBuffer(value)
    ? [value]
    : value.flatMap((item) => {
        const bytes = writeElementTree(item, encoding);
        return [head(ITEM, null, bytes.length), bytes];
      });
  const length = parts.reduce((total, part) => total + part.length, 0);
  return [head(tag, encoding === 'explicit' ? vr : null, length), ...parts];
}

function head(tag: number, vr: string | null, length: number): Buffer {
  const isLong = vr !== null && LONG_VRS.has(vr);
  const bytes = Buffer.alloc(isLong ? 12 : 8);
  bytes.writeUInt16LE(tag >>> 16, 0);
  bytes.writeUInt16LE(tag & 0xffff, 2);
  if (vr === null) bytes.writeUInt32LE(length, 4);
  else {
    bytes.write(vr, 4, 'latin1');
    if (isLong) bytes.writeUInt32LE(length, 8);
    else bytes.writeUInt16LE(length, 6);
  }
  return bytes;
}

/** Text of an element, without its padding; empty when it is absent. */
export function textIn(elements: ElementTree, tag: number): string {
  const value = elements.find((element) => element.tag === tag)?.value;
  return Buffer.isBuffer(value) ? value.toString('utf8').replace(/[\0 ]+$/, '') : '';
}

/** Items of a sequence; none when it is absent. */
export function sequenceIn(elements: ElementTree, tag: number): readonly ElementTree[] {
  const value = elements.find((element) => element.tag === tag)?.value;
  return value === undefined || Buffer.isBuffer(value) ? [] : value;
}

/** An element of text or UID, padded to an even length (PS3.5 6.2). */
export function textElement(tag: number, vr: string, text: string): TreeElement {
  const bytes = Buffer.from(text, 'utf8');
  return {
    tag,
    vr,
    value: bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([vr === 'UI' ? 0 : 0x20])]),
  };
}

export function sequenceElement(tag: number, items: readonly ElementTree[]): TreeElement {
  return { tag, vr: 'SQ', value: items };
}

/** The data set with these elements in place of, or besides, its own. */
export function withElements(elements: ElementTree, changed: ElementTree): ElementTree {
  const others = elements.filter(({ tag }) => !changed.some((one) => one.tag === tag));
  return [...others, ...changed].sort((a, b) => a.tag - b.tag);
}
