import type { Duplex } from 'node:stream';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** PDU types (PS3.8 9.3.1). */
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
const HEADER_BYTES = 6;
/** How long a peer may take to read our last word and close. */
const LINGER_MS = 2_000;

/** A-ABORT by the service provider (PS3.8 9.3.8); reasons of table 9-26. */
export const ABORT_REASON = { notSpecified: 0, unrecognizedPdu: 1, unexpectedPdu: 2, invalidParameter: 6 } as const;

interface Pdu {
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

/** Puts itself between the connection and everybody else. The socket must not have been read from yet. */
export function createAssociationGuard(
  socket: Duplex,
  limits: { maxPduLengthBytes: number },
  clock: Clock,
): AssociationGuard {
  let state: AssociationState = 'awaiting-request';
  // What was read and not yet taken lies in buffer[start, end). One buffer for all PDUs, of the size of the longest: a drip of single bytes costs no more.
  let buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  let wantedBytes = 0;
  let cut = false;
  let failure: Error | undefined;
  let wake: (() => void) | null = null;
  const woken = (): void => {
    const resolve = wake;
    wake = null;
    resolve?.();
  };
  const heldBytes = (): number => end - start;
  const isOver = (): boolean => cut || state === 'ended';

  socket.on('data', (chunk: Buffer) => {
    if (state === 'ended') {
      socket.destroy();
      return;
    }
    append(chunk);
    if (heldBytes() >= wantedBytes) {
      // What is not asked for stays in the kernel: the peer is slowed down, memory is not filled.
      socket.pause();
      woken();
    }
  });
  const connectionEnded = (): void => {
    cut = true;
    woken();
  };
  socket.once('end', connectionEnded);
  socket.once('close', connectionEnded);
  socket.on('error', (error) => {
    failure = error;
    connectionEnded();
  });
  socket.on('drain', woken);
  socket.pause();

  const append = (chunk: Buffer): void => {
    if (end + chunk.length > buffer.length) {
      const held = heldBytes();
      const needed = Math.max(wantedBytes, held + chunk.length);
      const room = needed > buffer.length ? Buffer.allocUnsafeSlow(needed) : buffer;
      buffer.copy(room, 0, start, end);
      buffer = room;
      start = 0;
      end = held;
    }
    end += chunk.copy(buffer, end);
  };

  const connectionLost = (): TriageError =>
    new TriageError('association-lost', 'The connection was cut.', { cause: failure });

  /** Sleeps until `isDone` or the end of the connection. @throws TriageError `association-lost` at the deadline */
  const until = async (isDone: () => boolean, deadlineMs: number, what: string): Promise<void> => {
    if (isDone() || isOver()) return;
    const timer = { ran: false };
    const cancel = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), () => {
      timer.ran = true;
      woken();
    });
    try {
      do {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (timer.ran) throw new TriageError('association-lost', what);
      } while (!isDone() && !isOver());
    } finally {
      cancel();
    }
  };

  /** True when so many bytes are held; false when the connection ended before. */
  const hold = async (bytes: number, deadlineMs: number): Promise<boolean> => {
    if (heldBytes() < bytes) {
      wantedBytes = bytes;
      socket.resume();
      await until(() => heldBytes() >= bytes, deadlineMs, 'The peer sent no whole PDU in time.');
      socket.pause();
    }
    return heldBytes() >= bytes && state !== 'ended';
  };

  const finish = (lastWord: Buffer): void => {
    if (state === 'ended') return;
    state = 'ended';
    const saidTooMuch = heldBytes() > 0;
    const cancel = clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', cancel);
    socket.end(lastWord, () => {
      if (saidTooMuch) socket.destroy();
    });
    woken();
    // Closing is seen, and bytes after the last word are, only while reading.
    socket.resume();
  };

  return {
    state: () => state,
    nextPdu: async (deadlineMs) => {
      // A peer that floods never lets us wait, so the timer alone would never tell.
      if (clock.monotonicMs() >= deadlineMs) throw new TriageError('association-lost', 'The peer used up its time.');
      if (!(await hold(HEADER_BYTES, deadlineMs))) {
        if (heldBytes() === 0 && failure === undefined && state !== 'ended') return null;
        throw connectionLost();
      }
      const type = buffer.readUInt8(start);
      const length = buffer.readUInt32BE(start + 2);
      if (!(LEGAL_PDUS[state] as readonly number[]).includes(type)) {
        const isKnown = (Object.values(PDU_TYPE) as number[]).includes(type);
        throw violation(
          `PDU type ${type} has no place in state ${state}`,
          isKnown ? ABORT_REASON.unexpectedPdu : ABORT_REASON.unrecognizedPdu,
        );
      }
      // A-RELEASE-RQ and A-ABORT are four bytes, always.
      const isFixed = type === PDU_TYPE.releaseRequest || type === PDU_TYPE.abort;
      const longest = isFixed ? 4 : type === PDU_TYPE.associateRequest ? MAX_REQUEST_BYTES : limits.maxPduLengthBytes;
      if (length > longest || (isFixed && length < longest)) {
        throw violation(`a PDU of type ${type} says that it is ${length} bytes long`, ABORT_REASON.invalidParameter);
      }
      if (!(await hold(HEADER_BYTES + length, deadlineMs))) throw connectionLost();
      const body = buffer.subarray(start + HEADER_BYTES, start + HEADER_BYTES + length);
      start += HEADER_BYTES + length;
      return { type: type as PduType, body };
    },
    establish: () => {
      if (state !== 'awaiting-request')
        throw violation(`an association cannot open in state ${state}`, ABORT_REASON.unexpectedPdu);
      state = 'established';
    },
    send: async (bytes, deadlineMs) => {
      if (isOver()) throw connectionLost();
      if (!socket.write(bytes))
        await until(() => !socket.writableNeedDrain, deadlineMs, 'The peer did not read its answers in time.');
    },
    finish,
    abort: (reason) => {
      const pdu = Buffer.from([PDU_TYPE.abort, 0, 0, 0, 0, 4, 0, 0, 2, reason]);
      finish(pdu);
    },
    destroy: () => {
      state = 'ended';
      woken();
      socket.destroy();
    },
  };
}

/** A breach of PS3.8 by the peer, with the reason for A-ABORT. */
export function violation(what: string, abortReason: number): TriageError {
  return new TriageError('protocol-violation', `The peer broke the DICOM upper layer protocol: ${what}.`, {
    context: { abortReason },
  });
}
