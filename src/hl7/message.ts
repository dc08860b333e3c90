import { TriageError } from '../base/errors.ts';
import { decodeText } from '../dicom/charset.ts';

/** The characters that a message says it is written with (MSH-1, MSH-2). */
interface Separators {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
}

/** MSH: its fields as written, numbered as in the standard, one character for each byte, so that an answer can repeat them. */
export interface Header {
  fields: readonly string[];
  separators: Separators;
}

/** A segment with its fields as written, numbered as in the standard; `fields[0]` is its name. */
export interface Segment {
  name: string;
  fields: readonly string[];
}

/** An HL7 v2 message: what of it is read here. */
export interface Message extends Header {
  /** Segments that are read, in order, decoded; MSH is not among them. */
  segments: readonly Segment[];
}

/** A date and time, a name and a number are short; a document in OBX-5 is not, and is not read. */
const MOST_SEGMENT_BYTES = 65_536;
const MOST_SEGMENTS = 2_000;
const MOST_FIELDS = 64;
const READ = new Set(['PID', 'ORC', 'OBR', 'OBX', 'TQ1', 'ZDS', 'IPC']);
const CR = 0x0d;
const LF = 0x0a;

/** The header of a message; null when the bytes do not begin with one. Never throws. */
export function readHeader(bytes: Buffer): Header | null {
  const start = beginning(bytes);
  const end = bytes.subarray(0, start + MOST_SEGMENT_BYTES).findIndex((byte, at) => at >= start && isBreak(byte));
  const text = bytes.toString('latin1', start, end === -1 ? Math.min(bytes.length, start + MOST_SEGMENT_BYTES) : end);
  const field = text[3] ?? '';
  const marksEnd = text.indexOf(field, 4);
  const [component, repetition = '~', escape = '\\', subcomponent = '&'] = text.slice(4, Math.max(4, marksEnd));
  if (!text.startsWith('MSH') || component === undefined) return null;
  const marks = [field, component, repetition, escape, subcomponent];
  if (marks.some((mark) => /[\w\s]/.test(mark)) || new Set(marks).size < marks.length) return null;
  const [name, ...fields] = text.split(field, MOST_FIELDS);
  return { fields: [name!, field, ...fields], separators: { field, component, repetition, escape, subcomponent } };
}

/** The segments of a message whose header was read. @throws TriageError `message-unusable` beyond what a message of this kind may hold */
export function readMessage(bytes: Buffer, header: Header): Message {
  const { separators } = header;
  const characterSet = characterSetOf(header);
  // Where segments end as they should, a line break is part of a text.
  const separator = bytes.includes(CR) ? CR : LF;
  const segments: Segment[] = [];
  for (let at = beginning(bytes), isFirst = true; at < bytes.length; isFirst = false) {
    const found = bytes.indexOf(separator, at);
    const end = found === -1 ? bytes.length : found;
    const from = bytes[at] === LF ? at + 1 : at;
    const name = bytes.toString('latin1', from, Math.min(end, from + 3));
    if (name === 'MSH' && !isFirst) throw new TriageError('message-unusable', 'It holds more than one message.');
    if (READ.has(name) && bytes.toString('latin1', from + 3, from + 4) === separators.field) {
      if (end - from <= MOST_SEGMENT_BYTES)
        segments.push({ name, fields: fieldsOf(bytes.subarray(from, end), separators, characterSet) });
      else if (name !== 'OBX')
        throw new TriageError('message-unusable', `Its ${name} segment is longer than ${MOST_SEGMENT_BYTES} bytes.`);
    }
    if (segments.length > MOST_SEGMENTS)
      throw new TriageError('message-unusable', `It has more than ${MOST_SEGMENTS} segments that are read.`);
    at = end + 1;
  }
  return { ...header, segments };
}

function fieldsOf(bytes: Uint8Array, { field }: Separators, characterSet: string): string[] {
  return (decodeText(bytes, [characterSet], 'UT')[0] ?? '').split(field, MOST_FIELDS);
}

/** A byte order mark and line breaks before the message are passed over. */
function beginning(bytes: Buffer): number {
  let at = bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0;
  while (at < bytes.length && isBreak(bytes[at]!)) at++;
  return at;
}

function isBreak(byte: number): boolean {
  return byte === CR || byte === LF;
}

/** MSH-18 (table 0211) as a term that DICOM, or failing that the web, has for the same character set. Unknown bytes are read as UTF-8 or Windows-1252. */
function characterSetOf(header: Header): string {
  const stated = first(header, header.fields[18]).toUpperCase();
  const part = /^8859\/(\d+)$/.exec(stated)?.[1];
  if (part !== undefined) return part === '1' ? 'ISO_IR 100' : `iso-8859-${part}`;
  return CHARACTER_SETS[stated] ?? stated;
}
const CHARACTER_SETS: Readonly<Record<string, string>> = {
  'UNICODE UTF-8': 'ISO_IR 192',
  UNICODE: 'ISO_IR 192',
  'GB 18030-2000': 'GB18030',
  'KS X 1001': 'ISO_IR 149',
  'BIG-5': 'big5',
};

type Written = Pick<Header, 'separators'>;

/** A field's repetitions, as written. */
export function repetitions({ separators }: Written, field: string | undefined): string[] {
  return field === undefined || field === '' ? [] : field.split(separators.repetition);
}

/** The components of a repetition, and their subcomponents, with escapes resolved; the first has index 0. A value that is sent as `""` is empty. */
export function components({ separators }: Written, repetition: string): string[][] {
  const { component, subcomponent } = separators;
  return repetition
    .split(component)
    .map((one) => one.split(subcomponent).map((value) => (value === '""' ? '' : plain(separators, value).trim())));
}

/** The first subcomponent of a component (counted from 1) of a field's first repetition; empty when there is none. */
export function first(written: Written, field: string | undefined, component = 1): string {
  const [repetition = ''] = repetitions(written, field);
  return components(written, repetition)[component - 1]?.[0] ?? '';
}

/** Escapes (HL7 v2.5.1 2.7): those of the separators are resolved, those that format a text are left out. */
function plain({ field, component, repetition, escape, subcomponent }: Separators, value: string): string {
  if (!value.includes(escape)) return value;
  const meant: Readonly<Record<string, string>> = {
    F: field,
    S: component,
    T: subcomponent,
    R: repetition,
    E: escape,
  };
  const parts = value.split(escape);
  return parts
    .map((part, index) => (index % 2 === 1 && index < parts.length - 1 ? (meant[part] ?? '') : part))
    .join('');
}
