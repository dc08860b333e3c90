import type { Duplex } from 'node:stream';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** Reads a connection only as far as the caller has asked, so that the peer is slowed down instead of memory filling up. */
export interface HeldBytes {
  /** How many bytes have been read and not yet consumed. */
  count(): number;
  /**
   * True once this many bytes are held; false when the connection ended before that.
   *
   * @throws TriageError `association-lost` at the deadline
   */
  hold(bytes: number, deadlineMs: number): Promise<boolean>;
  /** A view of the first `bytes` held, starting at `from`; valid until the next `hold`. */
  view(from: number, bytes: number): Buffer;
  /** Drops the first `bytes` held. */
  take(bytes: number): void;
  /** Waits until `isDone` or the end of the connection. @throws TriageError `association-lost` at the deadline, with `what` */
  until(isDone: () => boolean, deadlineMs: number, what: string): Promise<void>;
  /** True once the peer has closed or the connection is lost. */
  isCut(): boolean;
  /** Why the connection was lost; undefined while it is open. */
  failure(): Error | undefined;
  /** Ends every wait; anything the peer sends from now on destroys the connection. */
  close(): void;
}

/** Takes over reading from a socket that must not have been read from yet. */
export function holdBytes(socket: Duplex, clock: Clock): HeldBytes {
  // Bytes read and not yet consumed are buffer[start, end). One buffer of the longest PDU's size serves all PDUs: a drip of single bytes costs no more.
  let buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  let wantedBytes = 0;
  let isClosed = false;
  let isCut = false;
  let failure: Error | undefined;
  let wake: (() => void) | null = null;
  const woken = (): void => {
    const resolve = wake;
    wake = null;
    resolve?.();
  };
  const append = (chunk: Buffer): void => {
    if (end + chunk.length > buffer.length) {
      const held = end - start;
      const needed = Math.max(wantedBytes, held + chunk.length);
      const room = needed > buffer.length ? Buffer.allocUnsafeSlow(needed) : buffer;
      buffer.copy(room, 0, start, end);
      buffer = room;
      start = 0;
      end = held;
    }
    end += chunk.copy(buffer, end);
  };
  const connectionEnded = (): void => {
    isCut = true;
    woken();
  };

  socket.on('data', (chunk: Buffer) => {
    if (isClosed) {
      socket.destroy();
      return;
    }
    append(chunk);
    if (end - start >= wantedBytes) {
      // Bytes that nobody has asked for stay in the kernel.
      socket.pause();
      woken();
    }
  });
  socket.once('end', connectionEnded);
  socket.once('close', connectionEnded);
  socket.on('error', (error) => {
    failure = error;
    connectionEnded();
  });
  socket.on('drain', woken);
  socket.pause();

  const until: HeldBytes['until'] = async (isDone, deadlineMs, what) => {
    const isOver = (): boolean => isCut || isClosed || isDone();
    if (isOver()) return;
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
      } while (!isOver());
    } finally {
      cancel();
    }
  };

  return {
    count: () => end - start,
    hold: async (bytes, deadlineMs) => {
      if (end - start < bytes) {
        wantedBytes = bytes;
        socket.resume();
        await until(() => end - start >= bytes, deadlineMs, 'The peer sent no whole PDU in time.');
        socket.pause();
      }
      return end - start >= bytes && !isClosed;
    },
    view: (from, bytes) => buffer.subarray(start + from, start + from + bytes),
    take: (bytes) => {
      start += bytes;
    },
    until,
    isCut: () => isCut,
    failure: () => failure,
    close: () => {
      isClosed = true;
      woken();
      // A close, or bytes after our final PDU, are noticed only while reading.
      socket.resume();
    },
  };
}
