import type { Duplex } from 'node:stream';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { holdBytes } from './heldBytes.ts';
import { ABORT_REASON, PDU_HEADER_BYTES, PDU_TYPE, providerAbort, violation, type PduType } from './pdu.ts';

/** Acceptor states (PS3.8 9.2.1) in which the association can rest: Sta2, Sta6 and Sta13. The others are passed without waiting for bytes. */
export type AssociationState = 'awaiting-request' | 'established' | 'ended';

/**
 * Which PDU an acceptor takes in which state (PS3.8 table 9-10). Anything else, including an unknown type, ends the connection: with A-ABORT, or
 * silently once our final PDU has been sent.
 */
export const LEGAL_PDUS: Readonly<Record<AssociationState, readonly PduType[]>> = {
  'awaiting-request': [PDU_TYPE.associateRequest, PDU_TYPE.abort],
  established: [PDU_TYPE.data, PDU_TYPE.releaseRequest, PDU_TYPE.abort],
  ended: [],
};

/** Fits 128 contexts with 30 transfer syntaxes each. Kept small because the peer has not been identified yet. */
const MAX_REQUEST_BYTES = 131_072;
/** How long a peer may take to read our final PDU and close. */
const LINGER_MS = 2_000;

export interface Pdu {
  type: PduType;
  /** The bytes after the six-byte header, as a view that is valid until the next PDU is requested. */
  body: Buffer;
}

/** The bytes of one association, delivered only as whole PDUs that are legal in the current state. */
export interface AssociationGuard {
  state(): AssociationState;
  /**
   * The next PDU, or null when the peer closed between two PDUs. One at a time: reading pauses until it is asked for again.
   *
   * @throws TriageError `protocol-violation`; `association-lost` when the PDU is not complete at `deadlineMs` (monotonic)
   */
  nextPdu(deadlineMs: number): Promise<Pdu | null>;
  /** From here on data is legal, and a second association request is not. */
  establish(): void;
  /** Sends, waiting while the peer does not read. @throws TriageError `association-lost` */
  send(bytes: Buffer, deadlineMs: number): Promise<void>;
  /** Sends the final PDU and closes; anything the peer sends after it destroys the connection. */
  finish(lastWord: Buffer): void;
  /** Sends A-ABORT as the final PDU. */
  abort(reason: number): void;
  destroy(): void;
}

/** Wraps the connection of an acceptor, so that all reads and writes go through the guard. The socket must not have been read from yet. */
export function createAssociationGuard(
  socket: Duplex,
  limits: { maxPduLengthBytes: number },
  clock: Clock,
): AssociationGuard {
  let state: AssociationState = 'awaiting-request';
  const bytes = holdBytes(socket, clock);
  const connectionLost = (): TriageError =>
    new TriageError('association-lost', 'The connection was cut.', { cause: bytes.failure() });

  const finish = (lastWord: Buffer): void => {
    if (state === 'ended') return;
    state = 'ended';
    const saidTooMuch = bytes.count() > 0;
    const cancel = clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', cancel);
    socket.end(lastWord, () => {
      if (saidTooMuch) socket.destroy();
    });
    bytes.close();
  };

  return {
    state: () => state,
    nextPdu: async (deadlineMs) => {
      // While a peer floods us, the wait never yields to the timer, so the deadline is checked here as well.
      if (clock.monotonicMs() >= deadlineMs) throw new TriageError('association-lost', 'The peer used up its time.');
      if (!(await bytes.hold(PDU_HEADER_BYTES, deadlineMs))) {
        if (bytes.count() === 0 && bytes.failure() === undefined && state !== 'ended') return null;
        throw connectionLost();
      }
      const { type, bodyBytes } = checkedHeader(bytes.view(0, PDU_HEADER_BYTES), state, limits.maxPduLengthBytes);
      const pduBytes = PDU_HEADER_BYTES + bodyBytes;
      if (!(await bytes.hold(pduBytes, deadlineMs))) throw connectionLost();
      const body = bytes.view(PDU_HEADER_BYTES, bodyBytes);
      bytes.take(pduBytes);
      return { type, body };
    },
    establish: () => {
      if (state !== 'awaiting-request')
        throw violation(`an association cannot open in state ${state}`, ABORT_REASON.unexpectedPdu);
      state = 'established';
    },
    send: async (message, deadlineMs) => {
      if (bytes.isCut() || state === 'ended') throw connectionLost();
      if (!socket.write(message))
        await bytes.until(() => !socket.writableNeedDrain, deadlineMs, 'The peer did not read its answers in time.');
    },
    finish,
    abort: (reason) => {
      finish(providerAbort(reason));
    },
    destroy: () => {
      state = 'ended';
      bytes.close();
      socket.destroy();
    },
  };
}

/** Parses a PDU header. @throws TriageError `protocol-violation` for a type that is not allowed here, or a length that is not */
function checkedHeader(
  head: Buffer,
  state: AssociationState,
  maxPduLengthBytes: number,
): { type: PduType; bodyBytes: number } {
  const type = head.readUInt8(0);
  const bodyBytes = head.readUInt32BE(2);
  if (!(LEGAL_PDUS[state] as readonly number[]).includes(type)) {
    const isKnown = (Object.values(PDU_TYPE) as number[]).includes(type);
    throw violation(
      `PDU type ${type} has no place in state ${state}`,
      isKnown ? ABORT_REASON.unexpectedPdu : ABORT_REASON.unrecognizedPdu,
    );
  }
  // A-RELEASE-RQ and A-ABORT always carry four bytes.
  const isFixed = type === PDU_TYPE.releaseRequest || type === PDU_TYPE.abort;
  const longest = isFixed ? 4 : type === PDU_TYPE.associateRequest ? MAX_REQUEST_BYTES : maxPduLengthBytes;
  if (bodyBytes > longest || (isFixed && bodyBytes < longest))
    throw violation(`a PDU of type ${type} says that it is ${bodyBytes} bytes long`);
  return { type: type as PduType, bodyBytes };
}
