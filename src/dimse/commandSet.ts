import { TriageError } from '../base/errors.ts';

/**
 * Command sets (PS3.7 9.3, E.1) and query identifiers as Implicit VR Little Endian. Values are strings (padded to even length) or 16-bit numbers.
 */
export type ElementValue = string | number;

export const COMMAND_TAG = {
  groupLength: 0x00000000,
  affectedSopClassUid: 0x00000002,
  requestedSopClassUid: 0x00000003,
  commandField: 0x00000100,
  messageId: 0x00000110,
  messageIdBeingRespondedTo: 0x00000120,
  moveDestination: 0x00000600,
  priority: 0x00000700,
  dataSetType: 0x00000800,
  status: 0x00000900,
  errorComment: 0x00000902,
  affectedSopInstanceUid: 0x00001000,
  requestedSopInstanceUid: 0x00001001,
  eventTypeId: 0x00001002,
  actionTypeId: 0x00001008,
  completedSuboperations: 0x00001021,
  failedSuboperations: 0x00001022,
  warningSuboperations: 0x00001023,
} as const;

export const COMMAND_FIELD = {
  storeRequest: 0x0001,
  getRequest: 0x0010,
  findRequest: 0x0020,
  moveRequest: 0x0021,
  echoRequest: 0x0030,
  eventReportRequest: 0x0100,
  actionRequest: 0x0130,
  response: 0x8000,
} as const;
/** The last tag of group 0000, the only group in a command set. */
export const LAST_COMMAND_TAG = 0x0000ffff;
/** CommandDataSetType of a message without a data set (PS3.7 E.1). */
export const NO_DATA_SET = 0x0101;
const DATA_SET_FOLLOWS = 0x0001;

/** Encodes a command set. `hasDataSet` says whether a data set will follow. */
export function writeCommand(elements: ReadonlyMap<number, ElementValue>, hasDataSet: boolean): Buffer {
  const body = writeElements(
    new Map([...elements, [COMMAND_TAG.dataSetType, hasDataSet ? DATA_SET_FOLLOWS : NO_DATA_SET]]),
    0,
  );
  const groupLength = Buffer.alloc(12);
  groupLength.writeUInt32LE(4, 4);
  groupLength.writeUInt32LE(body.length, 8);
  return Buffer.concat([groupLength, body]);
}

/**
 * Elements in tag order. Text is padded with a space, a UID with a NUL (PS3.5 6.2). The value tells which of the two it is: among the values that
 * we write, only UIDs consist of digits and dots.
 */
export function writeElements(elements: ReadonlyMap<number, ElementValue>, padByte = 0x20): Buffer {
  return Buffer.concat(
    [...elements]
      .sort(([a], [b]) => a - b)
      .map(([tag, value]) => {
        const raw = typeof value === 'number' ? Buffer.from([value & 0xff, value >> 8]) : Buffer.from(value, 'latin1');
        const pad = raw.length % 2 === 0 ? [] : [typeof value === 'string' && /^[0-9.]+$/.test(value) ? 0 : padByte];
        const head = Buffer.alloc(8);
        head.writeUInt16LE(tag >>> 16, 0);
        head.writeUInt16LE(tag & 0xffff, 2);
        head.writeUInt32LE(raw.length + pad.length, 4);
        return Buffer.concat([head, raw, Buffer.from(pad)]);
      }),
  );
}

/**
 * Reads the elements up to the first one beyond `lastTag`, or the first of undefined length (a sequence, which holds nothing we need).
 *
 * @throws TriageError `protocol-violation`
 */
export function readElements(bytes: Buffer, lastTag: number): Map<number, Buffer> {
  const elements = new Map<number, Buffer>();
  for (let position = 0; position < bytes.length;) {
    if (position + 8 > bytes.length)
      throw new TriageError('protocol-violation', 'The peer sent a command or identifier that is cut off.');
    const tag = bytes.readUInt16LE(position) * 0x10000 + bytes.readUInt16LE(position + 2);
    const length = bytes.readUInt32LE(position + 4);
    if (tag > lastTag || length === 0xffffffff) break;
    const end = position + 8 + length;
    if (end > bytes.length)
      throw new TriageError('protocol-violation', 'The peer sent a command or identifier that is cut off.');
    elements.set(tag, bytes.subarray(position + 8, end));
    position = end;
  }
  return elements;
}

/** A 16-bit value, or null when the element is absent or of another size. */
export function uint16Of(elements: ReadonlyMap<number, Buffer>, tag: number): number | null {
  const value = elements.get(tag);
  return value !== undefined && value.length === 2 ? value.readUInt16LE() : null;
}

/** A text value without its padding; empty when absent. */
export function textOf(elements: ReadonlyMap<number, Buffer>, tag: number): string {
  return (elements.get(tag)?.toString('latin1') ?? '').replace(/[\0 ]+$/, '');
}
