import { TriageError } from '../base/errors.ts';

/**
 * Protocol data units of the DICOM upper layer (PS3.8 9.3), for both roles. All integers of a PDU are big endian. Pure: bytes in, bytes out.
 *
 * ```
 * PDU header             byte 1 type | 2 reserved | 3-6 length of what follows
 * A-ASSOCIATE-RQ, -AC    7-8 protocol version | 9-10 reserved | 11-26 called AE title | 27-42 calling AE title | 43-74 reserved | 75- items
 *   item                 1 type | 2 reserved | 3-4 length of what follows | 5- value
 *     10H                application context name
 *     20H, 21H           proposed, answered presentation context:
 *                        5 identifier | 6 reserved | 7 reserved, result | 8 reserved | 9- sub-items 30H abstract syntax, 40H transfer syntax
 *     50H                user information: sub-items 51H maximum length, 52H implementation class UID, 54H role selection,
 *                        55H implementation version name (PS3.7 D.3.3)
 * A-ASSOCIATE-RJ         7 reserved | 8 result | 9 source | 10 reason
 * P-DATA-TF              7- presentation data values
 *   PDV                  1-4 length of what follows | 5 context identifier | 6 message control header (bit 0 command, bit 1 last) | 7- fragment
 * A-RELEASE-RQ, -RP      7-10 reserved
 * A-ABORT                7-8 reserved | 9 source | 10 reason
 * ```
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
export type PduType = (typeof PDU_TYPE)[keyof typeof PDU_TYPE];

export const PDU_HEADER_BYTES = 6;
/** Length field, context identifier and message control header of a PDV. */
const PDV_HEADER_BYTES = 6;
/** The longest PDU that we announce and accept as a requestor: limits how much a peer can make us buffer. */
export const MAX_PDU_LENGTH_BYTES = 131_072;

/** Reasons of an A-ABORT by the service provider (PS3.8 table 9-26). */
export const ABORT_REASON = { notSpecified: 0, unrecognizedPdu: 1, unexpectedPdu: 2, invalidParameter: 6 } as const;
/** Sources of an A-ABORT (PS3.8 table 9-26). */
const ABORT_SOURCE = { serviceUser: 0, serviceProvider: 2 } as const;

/** A presentation data value: one fragment of a command set or of a data set (PS3.8 9.3.5.1, E.2). */
export interface Pdv {
  contextId: number;
  isCommand: boolean;
  isLast: boolean;
  /** A view of the bytes given. */
  value: Buffer;
}

/** A whole PDU with this body. */
export function writePdu(type: PduType, body: Buffer): Buffer {
  return Buffer.concat([pduHeader(type, body.length), body]);
}

function pduHeader(type: PduType, lengthBytes: number): Buffer {
  const head = Buffer.alloc(PDU_HEADER_BYTES);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(lengthBytes, 2);
  return head;
}

export const RELEASE_REQUEST: Buffer = writePdu(PDU_TYPE.releaseRequest, Buffer.alloc(4));
export const RELEASE_RESPONSE: Buffer = writePdu(PDU_TYPE.releaseResponse, Buffer.alloc(4));
/** A-ABORT by the service user (PS3.8 9.3.8). */
export const USER_ABORT: Buffer = writePdu(PDU_TYPE.abort, Buffer.from([0, 0, ABORT_SOURCE.serviceUser, 0]));

/** A-ABORT by the service provider, with a reason of {@link ABORT_REASON}. */
export function providerAbort(reason: number): Buffer {
  return writePdu(PDU_TYPE.abort, Buffer.from([0, 0, ABORT_SOURCE.serviceProvider, reason]));
}

/** The longest even PDV value for an acceptor that takes PDUs of `maxPduLengthBytes` (0: any length). */
export function maxFragmentBytes(maxPduLengthBytes: number): number {
  const limit = maxPduLengthBytes === 0 ? MAX_PDU_LENGTH_BYTES : Math.min(maxPduLengthBytes, MAX_PDU_LENGTH_BYTES);
  return Math.max(2, (limit - PDV_HEADER_BYTES) & ~1);
}

/** The bytes that precede `value` in a P-DATA-TF with this one PDV (PS3.8 9.3.5); the value itself is not copied. */
export function writePdvHeader(contextId: number, isCommand: boolean, isLast: boolean, valueBytes: number): Buffer {
  const head = Buffer.alloc(PDV_HEADER_BYTES);
  head.writeUInt32BE(valueBytes + 2, 0);
  head.writeUInt8(contextId, 4);
  head.writeUInt8((isCommand ? 1 : 0) | (isLast ? 2 : 0), 5);
  return Buffer.concat([pduHeader(PDU_TYPE.data, PDV_HEADER_BYTES + valueBytes), head]);
}

/**
 * The fragments of a P-DATA-TF, from the bytes after its PDU header: at least one (PS3.8 9.3.5), possibly of different messages.
 *
 * @throws TriageError `protocol-violation`
 */
export function readPdvs(body: Buffer): Pdv[] {
  const pdvs: Pdv[] = [];
  for (let position = 0; position < body.length;) {
    if (position + PDV_HEADER_BYTES > body.length) throw violation('a fragment has no header');
    const end = position + 4 + body.readUInt32BE(position);
    if (end > body.length || end < position + PDV_HEADER_BYTES)
      throw violation('the length of a fragment does not fit its PDU');
    const control = body[position + 5]!;
    pdvs.push({
      contextId: body[position + 4]!,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      value: body.subarray(position + PDV_HEADER_BYTES, end),
    });
    position = end;
  }
  if (pdvs.length === 0) throw violation('a P-DATA-TF holds no fragment');
  return pdvs;
}

/** A violation of PS3.8 by the peer, with the reason for A-ABORT. */
export function violation(what: string, abortReason: number = ABORT_REASON.invalidParameter): TriageError {
  return new TriageError('protocol-violation', `The peer broke the DICOM upper layer protocol: ${what}.`, {
    context: { abortReason },
  });
}
