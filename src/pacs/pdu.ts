import { TriageError } from '../base/errors.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/uids.ts';

/**
 * Protocol data units as an association requestor writes and reads them (PS3.8 9.3); all integers are big endian. Pure: bytes in, bytes out.
 */
export const PDU_TYPE = {
  associateRequest: 1,
  associateAccept: 2,
  associateReject: 3,
  data: 4,
  releaseRequest: 5,
  releaseResponse: 6,
  abort: 7,
} as const;

/** Longest PDU that we announce and take: bounds what a peer can make us buffer. */
export const MAX_PDU_LENGTH_BYTES = 131_072;
const PDV_HEADER_BYTES = 6;
const APPLICATION_CONTEXT_NAME = '1.2.840.10008.3.1.1.1';
const ITEM = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  answeredContext: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  implementationVersionName: 0x55,
} as const;

export interface ProposedContext {
  /** Odd, 1 to 255 (PS3.8 9.3.2.2). */
  id: number;
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
}

/** The acceptor's word on one context: 0 accepted, 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes not supported (PS3.8 9.3.3.2). */
export interface AnsweredContext {
  id: number;
  result: number;
  transferSyntaxUid: string;
}

export interface Pdv {
  contextId: number;
  isCommand: boolean;
  isLast: boolean;
  value: Buffer;
}

function item(type: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(4);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function pdu(type: number, body: Buffer): Buffer {
  return Buffer.concat([pduHeader(type, body.length), body]);
}

function pduHeader(type: number, lengthBytes: number): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(lengthBytes, 2);
  return head;
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A-ASSOCIATE-RQ (PS3.8 9.3.2). At most 128 contexts. */
export function writeAssociateRequest(
  callingAeTitle: string,
  calledAeTitle: string,
  contexts: readonly ProposedContext[],
): Buffer {
  const maximumLength = Buffer.alloc(4);
  maximumLength.writeUInt32BE(MAX_PDU_LENGTH_BYTES);
  return pdu(
    PDU_TYPE.associateRequest,
    Buffer.concat([
      Buffer.from([0, 1, 0, 0]),
      ascii(calledAeTitle.slice(0, 16).padEnd(16)),
      ascii(callingAeTitle.slice(0, 16).padEnd(16)),
      Buffer.alloc(32),
      item(ITEM.applicationContext, ascii(APPLICATION_CONTEXT_NAME)),
      ...contexts.map((context) =>
        item(
          ITEM.proposedContext,
          Buffer.from([context.id, 0, 0, 0]),
          item(ITEM.abstractSyntax, ascii(context.abstractSyntaxUid)),
          item(ITEM.transferSyntax, ascii(context.transferSyntaxUid)),
        ),
      ),
      item(
        ITEM.userInformation,
        item(ITEM.maximumLength, maximumLength),
        item(ITEM.implementationClassUid, ascii(IMPLEMENTATION_CLASS_UID)),
        item(ITEM.implementationVersionName, ascii(IMPLEMENTATION_VERSION_NAME)),
      ),
    ]),
  );
}

export const RELEASE_REQUEST: Buffer = pdu(PDU_TYPE.releaseRequest, Buffer.alloc(4));
export const RELEASE_RESPONSE: Buffer = pdu(PDU_TYPE.releaseResponse, Buffer.alloc(4));
/** A-ABORT by the service user (PS3.8 9.3.8). */
export const ABORT: Buffer = pdu(PDU_TYPE.abort, Buffer.alloc(4));

/** What an A-ASSOCIATE-AC says (PS3.8 9.3.3), from the bytes behind the PDU header. @throws TriageError `protocol-violation` */
export function readAssociateAccept(body: Buffer): { maxPduLengthBytes: number; contexts: AnsweredContext[] } {
  let maxPduLengthBytes = 0;
  const contexts: AnsweredContext[] = [];
  for (const { type, value } of readItems(body.subarray(68))) {
    if (type === ITEM.answeredContext) {
      if (value.length < 4) throw violation('a presentation context item is too short');
      const syntax =
        value[2] === 0 ? readItems(value.subarray(4)).find((inner) => inner.type === ITEM.transferSyntax) : undefined;
      contexts.push({
        id: value[0]!,
        result: value[2]!,
        transferSyntaxUid: syntax === undefined ? '' : syntax.value.toString('latin1').replace(/[\0 ]+$/, ''),
      });
    } else if (type === ITEM.userInformation) {
      const length = readItems(value).find((inner) => inner.type === ITEM.maximumLength);
      if (length !== undefined && length.value.length === 4) maxPduLengthBytes = length.value.readUInt32BE();
    }
  }
  return { maxPduLengthBytes, contexts };
}

function readItems(bytes: Buffer): { type: number; value: Buffer }[] {
  const items: { type: number; value: Buffer }[] = [];
  for (let position = 0; position < bytes.length;) {
    if (position + 4 > bytes.length) throw violation('an item has no length');
    const end = position + 4 + bytes.readUInt16BE(position + 2);
    if (end > bytes.length) throw violation('an item is longer than its PDU');
    items.push({ type: bytes[position]!, value: bytes.subarray(position + 4, end) });
    position = end;
  }
  return items;
}

/** A-ASSOCIATE-RJ in words (PS3.8 9.3.4), from the bytes behind the PDU header. */
export function readAssociateReject(body: Buffer): { transient: boolean; source: number; reason: number } {
  return { transient: body[1] === 2, source: body[2] ?? 0, reason: body[3] ?? 0 };
}

/** Longest PDV value, even, for an acceptor that takes PDUs of `maxPduLengthBytes` (0: any length). */
export function maxFragmentBytes(maxPduLengthBytes: number): number {
  const limit = maxPduLengthBytes === 0 ? MAX_PDU_LENGTH_BYTES : Math.min(maxPduLengthBytes, MAX_PDU_LENGTH_BYTES);
  return Math.max(2, (limit - PDV_HEADER_BYTES) & ~1);
}

/** The bytes that go before `value` in a P-DATA-TF with this one PDV (PS3.8 9.3.5): the value itself is not copied. */
export function writePdvHeader(contextId: number, isCommand: boolean, isLast: boolean, valueBytes: number): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(valueBytes + 2, 0);
  head.writeUInt8(contextId, 4);
  head.writeUInt8((isCommand ? 1 : 0) | (isLast ? 2 : 0), 5);
  return Buffer.concat([pduHeader(PDU_TYPE.data, PDV_HEADER_BYTES + valueBytes), head]);
}

/** The presentation data values of a P-DATA-TF, from the bytes behind the PDU header. @throws TriageError `protocol-violation` */
export function readPdvs(body: Buffer): Pdv[] {
  const pdvs: Pdv[] = [];
  for (let position = 0; position < body.length;) {
    if (position + PDV_HEADER_BYTES > body.length) throw violation('a PDV has no header');
    const end = position + 4 + body.readUInt32BE(position);
    if (end > body.length || end < position + PDV_HEADER_BYTES)
      throw violation('the length of a PDV does not fit its PDU');
    const control = body[position + 5]!;
    pdvs.push({
      contextId: body[position + 4]!,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      value: body.subarray(position + PDV_HEADER_BYTES, end),
    });
    position = end;
  }
  return pdvs;
}

function violation(what: string): TriageError {
  return new TriageError('protocol-violation', `The peer broke the DICOM upper layer protocol: ${what}.`);
}
