import { TriageError } from '../base/errors.ts';

/** Where one element of a data set lies: its value is `bytes[dataOffset, dataOffset + length)`, without a sequence's delimiter. */
export interface IndexedElement {
  tag: number;
  /** As written; null in Implicit VR. */
  vr: string | null;
  dataOffset: number;
  /** Length of the value; `UNDEFINED_LENGTH` for pixel data in fragments. */
  length: number;
  /** How the items of a sequence are encoded, which may differ from the data set (PS3.5 6.2.2). */
  encoding: Encoding;
}

export interface Encoding {
  explicit: boolean;
  bigEndian: boolean;
}

export const UNDEFINED_LENGTH = 0xffffffff;
export const PIXEL_DATA = 0x7fe00010;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const GROUP_2_END = 0x0002ffff;

/** VRs by the size of their length field (PS3.5 7.1.2). */
const LONG_VRS: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
const SHORT_VRS: ReadonlySet<string> = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '),
);
/** Maximum nesting of sequences: deeper than any information object goes, and far from exhausting the stack. */
const MAX_DEPTH = 64;
/** Maximum number of elements in one data set or item: limits what a hostile header can make us keep. */
const MAX_ELEMENTS = 65_536;
const IMPLICIT_LITTLE_ENDIAN: Encoding = { explicit: false, bigEndian: false };

export interface ElementIndex {
  elements: ReadonlyMap<number, IndexedElement>;
  /** Tag of the last element that was started. */
  lastTag: number;
  /** True when the bytes end inside that element. */
  isCut: boolean;
}

/**
 * Finds the elements of a data set (PS3.5 7) in `bytes[start, end)`, up to its pixel data. Values are not parsed and sequences are skipped: memory and
 * time are bounded by the number of elements, whatever their lengths claim.
 *
 * @throws TriageError `dicom-unreadable`
 */
export function indexElements(bytes: Uint8Array, start: number, end: number, encoding: Encoding): ElementIndex {
  const cursor = new Cursor(bytes, start, end, encoding);
  const elements = new Map<number, IndexedElement>();
  let last = 0;
  try {
    while (cursor.position < end && !cursor.isPadding()) {
      const element = cursor.readHead();
      last = element.tag;
      if (element.tag === ITEM_END) break;
      if (elements.size === MAX_ELEMENTS && !elements.has(element.tag))
        throw unreadable(`The header has over ${MAX_ELEMENTS} elements.`);
      elements.set(element.tag, element);
      if (element.tag === PIXEL_DATA) break;
      cursor.skipValue(element);
    }
  } catch (error) {
    if (error instanceof EndOfBytes) return { elements, lastTag: last, isCut: true };
    throw error;
  }
  return { elements, lastTag: last, isCut: false };
}

/** The header of the element at `position` in Explicit VR Little Endian, or in Implicit VR if it has no VR; null when it is incomplete. */
export function indexElement(bytes: Uint8Array, position: number): IndexedElement | null {
  try {
    return new Cursor(bytes, position, bytes.length, { explicit: true, bigEndian: false }).readHead();
  } catch (error) {
    if (error instanceof EndOfBytes) return null;
    throw error;
  }
}

/** The first `most` items of a sequence, each as the positions of its elements. @throws TriageError `dicom-unreadable` */
export function itemsOf(bytes: Uint8Array, sequence: IndexedElement, most: number): { start: number; end: number }[] {
  const end = sequence.dataOffset + sequence.length;
  const cursor = new Cursor(bytes, sequence.dataOffset, end, sequence.encoding);
  const items: { start: number; end: number }[] = [];
  try {
    while (cursor.position + 8 <= end && items.length < most) {
      const { tag, length } = cursor.readItemHead();
      // Some writers close an item although they state its length.
      if (tag === ITEM_END) continue;
      if (tag !== ITEM) break;
      const from = cursor.position;
      if (length === UNDEFINED_LENGTH) cursor.skipToEndOf(ITEM_END);
      else cursor.skip(length);
      items.push({ start: from, end: cursor.position });
    }
  } catch (error) {
    if (error instanceof EndOfBytes) throw unreadable(`The file is broken in element ${tagText(sequence.tag)}.`);
    throw error;
  }
  return items;
}

class EndOfBytes extends Error {}

class Cursor {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #at: DataView;
  readonly #end: number;
  readonly #encoding: Encoding;

  constructor(bytes: Uint8Array, start: number, end: number, encoding: Encoding) {
    this.#bytes = bytes;
    this.#at = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.position = start;
    this.#end = end;
    this.#encoding = { ...encoding, explicit: this.#looksExplicit(encoding) };
  }

  /** Some writers use another encoding than they declare: the first element decides, as in pydicom and GDCM. */
  #looksExplicit({ explicit }: Encoding): boolean {
    if (this.position + 8 > this.#end) return explicit;
    const vr = this.#vrAt(this.position + 4);
    const group = this.#at.getUint16(this.position, true);
    if (group === 0xfffe || group === 0xfeff) return explicit;
    return LONG_VRS.has(vr) || SHORT_VRS.has(vr) || (explicit && /^[A-Z]{2}$/.test(vr));
  }

  #vrAt(position: number): string {
    return String.fromCharCode(this.#bytes[position] ?? 0, this.#bytes[position + 1] ?? 0);
  }

  #need(bytes: number): void {
    if (!this.#holds(bytes)) throw new EndOfBytes();
  }

  /** Whether an element with a known VR stands there, and comes after `tag`. */
  #isElementAt(position: number, tag: number, littleEndian: boolean): boolean {
    if (position + 8 > this.#end) return false;
    const next = this.#at.getUint16(position, littleEndian) * 0x10000 + this.#at.getUint16(position + 2, littleEndian);
    const vr = this.#vrAt(position + 4);
    return next > tag && (LONG_VRS.has(vr) || SHORT_VRS.has(vr));
  }

  #holds(bytes: number): boolean {
    return this.position + bytes <= this.#end;
  }

  /** Zeros after the last element, fewer than an element has; in Big Endian they may be the beginning of a tag. */
  isPadding(): boolean {
    if (this.#end - this.position >= 8 || this.#encoding.bigEndian) return false;
    return this.#bytes.subarray(this.position, this.#end).every((byte) => byte === 0);
  }

  #readTag(bigEndian: boolean): number {
    const tag =
      this.#at.getUint16(this.position, !bigEndian) * 0x10000 + this.#at.getUint16(this.position + 2, !bigEndian);
    this.position += 4;
    return tag;
  }

  /** Reads tag, VR and length of the next element; afterwards `position` is that of its value. */
  readHead(encoding: Encoding = this.#encoding): IndexedElement {
    this.#need(8);
    const tag = this.#readTag(encoding.bigEndian);
    const vr = this.#vrAt(this.position);
    const littleEndian = !encoding.bigEndian;
    const isItem = tag >>> 16 === 0xfffe;
    // File meta information misplaced into the data set keeps its own encoding.
    const isExplicit = !isItem && (encoding.explicit || tag <= GROUP_2_END) && /^[A-Z]{2}$/.test(vr);
    if (!isExplicit) {
      const length = this.#at.getUint32(this.position, littleEndian);
      const short = this.#at.getUint16(this.position + 2, littleEndian);
      this.position += 4;
      // A VR that is none ("--", two spaces): DCMTK and GDCM, too, then read the length behind it.
      if (!isItem && encoding.explicit && length !== UNDEFINED_LENGTH && !this.#holds(length))
        if (this.#isElementAt(this.position + short, tag, littleEndian))
          return { tag, vr: null, dataOffset: this.position, length: short, encoding };
      return { tag, vr: null, dataOffset: this.position, length, encoding: { ...encoding, explicit: false } };
    }
    const isLong = LONG_VRS.has(vr);
    if (isLong) this.#need(8);
    const length = isLong
      ? this.#at.getUint32(this.position + 4, littleEndian)
      : this.#at.getUint16(this.position + 2, littleEndian);
    this.position += isLong ? 8 : 4;
    // A sequence whose writer did not know its VR is in Implicit VR Little Endian (PS3.5 6.2.2).
    const items = vr === 'UN' && length === UNDEFINED_LENGTH ? IMPLICIT_LITTLE_ENDIAN : encoding;
    return { tag, vr, dataOffset: this.position, length, encoding: items };
  }

  readItemHead(): { tag: number; length: number } {
    this.#need(8);
    const tag = this.#readTag(this.#encoding.bigEndian);
    const length = this.#at.getUint32(this.position, !this.#encoding.bigEndian);
    this.position += 4;
    return { tag, length };
  }

  skip(bytes: number): void {
    this.#need(bytes);
    this.position += bytes;
  }

  /** Steps over the value and sets the real length of an element of undefined length. */
  skipValue(element: IndexedElement): void {
    if (element.length !== UNDEFINED_LENGTH) {
      this.skip(element.length);
      return;
    }
    this.skipToEndOf(SEQUENCE_END, element.encoding);
    element.length = this.position - 8 - element.dataOffset;
  }

  /** Moves past the delimiter of the sequence or item that contains `position`, through everything nested in it. */
  skipToEndOf(delimiter: number, encoding: Encoding = this.#encoding): void {
    const open: { delimiter: number; encoding: Encoding }[] = [{ delimiter, encoding }];
    for (let current = open.at(-1); current !== undefined; current = open.at(-1)) {
      const element = this.readHead(current.encoding);
      if (element.tag === current.delimiter) {
        open.pop();
      } else if (element.length === UNDEFINED_LENGTH) {
        if (open.length === MAX_DEPTH) throw unreadable(`Sequences are nested more than ${MAX_DEPTH / 2} deep.`);
        const isItem = element.tag === ITEM;
        // Some writers give a sequence the VR UN and encode its items in Explicit VR all the same.
        const ofItem = { ...current.encoding, explicit: this.#looksExplicit(current.encoding) };
        open.push({
          delimiter: isItem ? ITEM_END : SEQUENCE_END,
          encoding: isItem ? ofItem : element.encoding,
        });
      } else this.skip(element.length);
    }
  }
}

/** A tag as people write it: (0010,0020). */
export function tagText(tag: number): string {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

function unreadable(message: string): TriageError {
  return new TriageError('dicom-unreadable', message);
}

/** The value of an element as one text without its padding; empty without the element. */
export function textAt(bytes: Uint8Array, element: IndexedElement | undefined): string {
  if (element === undefined) return '';
  return Buffer.from(bytes.subarray(element.dataOffset, element.dataOffset + element.length))
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
}
