import { TriageError } from '../base/errors.ts';

const VT = 0x0b;
const FS = 0x1c;
/** What senders put between two messages: the CR that ends one (its FS has done so already), line breaks, spaces. */
const BETWEEN: ReadonlySet<number> = new Set([0x0d, 0x0a, 0x20, 0x00]);

/** A message between VT and FS. Of one that is too long only the beginning is kept: enough to answer it. */
export interface Frame {
  bytes: Buffer;
  isTooLong: boolean;
}

/** Takes messages out of a stream of bytes (HL7 v2.5.1 C.4, Minimal Lower Layer Protocol): `VT message FS CR`. */
export interface Framer {
  /** The messages that this piece of the stream ends, in order. @throws TriageError `protocol-violation` */
  take(piece: Uint8Array): Frame[];
  /** Whether a message has begun that has not ended. */
  isWithin(): boolean;
}

const FIRST_BYTES = 4_096;

/** `maxBytes`: longest message that is taken. No more than this is ever held. */
export function createFramer(maxBytes: number): Framer {
  let held = Buffer.alloc(0);
  let length = 0;
  let isWithin = false;
  let isTooLong = false;

  const begin = (): void => {
    held = Buffer.alloc(Math.min(FIRST_BYTES, maxBytes));
    length = 0;
    isWithin = true;
    isTooLong = false;
  };
  const keep = (bytes: Uint8Array): void => {
    if (isTooLong) return;
    if (length + bytes.length > maxBytes) {
      isTooLong = true;
      held = Buffer.from(held.subarray(0, Math.min(length, FIRST_BYTES)));
      length = held.length;
      return;
    }
    if (length + bytes.length > held.length) {
      const larger = Buffer.alloc(Math.min(maxBytes, Math.max(length + bytes.length, 2 * held.length)));
      held.copy(larger, 0, 0, length);
      held = larger;
    }
    held.set(bytes, length);
    length += bytes.length;
  };
  const end = (): Frame => {
    const frame = { bytes: held.subarray(0, length), isTooLong };
    held = Buffer.alloc(0);
    isWithin = false;
    return frame;
  };

  return {
    isWithin: () => isWithin,
    take: (piece) => {
      const frames: Frame[] = [];
      for (let at = 0; at < piece.length;) {
        if (!isWithin) {
          const byte = piece[at++]!;
          if (byte === VT) begin();
          else if (!BETWEEN.has(byte)) throw new TriageError('protocol-violation', 'it does not speak MLLP');
          continue;
        }
        const found = piece.indexOf(FS, at);
        const part = piece.subarray(at, found === -1 ? piece.length : found);
        if (part.includes(VT)) throw new TriageError('protocol-violation', 'a message began before the last one ended');
        keep(part);
        at += part.length;
        if (found === -1) continue;
        frames.push(end());
        at++;
      }
      return frames;
    },
  };
}
