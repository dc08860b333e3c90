import { ABORT_REASON, violation } from './associationGuard.ts';

/** A presentation data value: one fragment of a command set or of a data set (PS3.8 9.3.5.1, E.2). */
export interface Pdv {
  contextId: number;
  isCommand: boolean;
  isLast: boolean;
  /** A view of the bytes given. */
  value: Buffer;
}

const PDV_HEADER_BYTES = 6;

/** The fragments of a P-DATA-TF, from the bytes behind its PDU header; there may be several, of different messages. @throws TriageError `protocol-violation` */
export function readPdvs(body: Buffer): Pdv[] {
  const pdvs: Pdv[] = [];
  for (let position = 0; position < body.length;) {
    const end =
      position + PDV_HEADER_BYTES <= body.length
        ? position + 4 + body.readUInt32BE(position)
        : Number.POSITIVE_INFINITY;
    if (end > body.length || end < position + PDV_HEADER_BYTES)
      throw violation('the length of a fragment does not fit its PDU', ABORT_REASON.invalidParameter);
    const control = body[position + 5]!;
    pdvs.push({
      contextId: body[position + 4]!,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      value: body.subarray(position + PDV_HEADER_BYTES, end),
    });
    position = end;
  }
  if (pdvs.length === 0) throw violation('a P-DATA-TF holds no fragment', ABORT_REASON.invalidParameter);
  return pdvs;
}
