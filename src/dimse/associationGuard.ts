import type { Duplex } from 'node:stream';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { holdBytes } from './heldBytes.ts';
import { ABORT_REASON, PDU_HEADER_BYTES, PDU_TYPE, providerAbort, violation, type PduType } from './pdu.ts';

/** States of an acceptor (PS3.8 9.2.1) that last: Sta2, Sta6 and Sta13. The others are passed without waiting for bytes. */
export type AssociationState = 'awaiting-request' | 'established' | 'ended';

/**
 * Which PDU an acceptor takes in which state (PS3.8 table 9-10). What is not listed, an unknown type too, ends the connection: with A-ABORT, or without a
 * word once the last word has been said.
 */
export const LEGAL_PDUS: Readonly<Record<AssociationState, readonly PduType[]>> = {
  'awaiting-request': [PDU_TYPE.associateRequest, PDU_TYPE.abort],
  established: [PDU_TYPE.data, PDU_TYPE.releaseRequest, PDU_TYPE.abort],
  ended: [],
};

/** 128 contexts with 30 transfer syntaxes each fit; nobody is known yet who could ask for more memory. */
const MAX_REQUEST_BYTES = 131_072;
/** How long a peer may take to read our last word and close. */
const LINGER_MS = 2_000;

export interface Pdu {
  type: PduType;
  /** Behind the six bytes of the header. A view that holds until the next PDU is asked for. */
  body: Buffer;
}

/** One association as its bytes go: only whole PDUs that are legal in the state come out. */
export interface AssociationGuard {
  state(): AssociationState;
  /**
   * The next PDU, or null when the peer closed between two PDUs. One at a time: reading pauses until it is asked for again.
   *
   * @throws TriageError `protocol-violation`, `association-lost` when it is not whole at `deadlineMs` (monotonic)
   */
  nextPdu(deadlineMs: number): Promise<Pdu | null>;
  /** From here on data is legal, and a second request is not. */
  establish(): void;
  /** Sends, and waits while the peer does not read. @throws TriageError `association-lost` */
  send(bytes: Buffer, deadlineMs: number): Promise<void>;
  /** Says the last word and closes; whatever the peer sends after it destroys the connection. */
  finish(lastWord: Buffer): void;
  /** A-ABORT as the last word. */
  abort(reason: number): void;
  destroy(): void;
}

/** Puts itself between the connection of an acceptor and everybody else. The socket must not have been read from yet. */
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
      // A peer that floods never lets us wait, so the timer alone would never tell.
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

/** What the header of a PDU says. @throws TriageError `protocol-violation` for a type that has no place here, or a length that none may have */
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
  // A-RELEASE-RQ and A-ABORT are four bytes, always.
  const isFixed = type === PDU_TYPE.releaseRequest || type === PDU_TYPE.abort;
  const longest = isFixed ? 4 : type === PDU_TYPE.associateRequest ? MAX_REQUEST_BYTES : maxPduLengthBytes;
  if (bodyBytes > longest || (isFixed && bodyBytes < longest))
    throw violation(`a PDU of type ${type} says that it is ${bodyBytes} bytes long`);
  return { type: type as PduType, bodyBytes };
}
