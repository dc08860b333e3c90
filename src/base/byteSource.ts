import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { TriageError, messageOf } from './errors.ts';
import { withoutZlibHeader } from './zlibHeader.ts';

/** Bytes of a DICOM file that are read where they are needed, so that a file of any size takes little memory. */
export interface ByteSource {
  /** Null when it is known only at the end. */
  readonly sizeBytes: number | null;
  /** Exactly `length` bytes. @throws TriageError `dicom-unreadable` when there are fewer */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** All bytes from `offset` on, in pieces. */
  pieces(offset: number): AsyncIterable<Uint8Array>;
}

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) =>
      offset + length <= bytes.length
        ? Promise.resolve(bytes.subarray(offset, offset + length))
        : Promise.reject(cutOff()),
    pieces: (offset) => Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset)]),
  };
}

/** The file at `path`. Nothing stays open between two reads, so that a deleted file gives its space back. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { size } = await stat(path);
  return {
    sizeBytes: size,
    read: async (offset, length) => {
      const file = await open(path, 'r');
      try {
        const bytes = Buffer.allocUnsafeSlow(length);
        for (let filled = 0; filled < length;) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) throw cutOff();
          filled += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    },
    pieces: (offset) => createReadStream(path, { start: offset }),
  };
}

/**
 * A deflated file as if it were not (PS3.5 A.5): everything after `datasetOffset` is inflated. Reading forwards continues where the last read ended;
 * reading backwards starts again.
 */
export function inflatedSource(deflated: ByteSource, datasetOffset: number): ByteSource {
  let stream: Readable | null = null;
  let pieces: AsyncIterator<Uint8Array> | null = null;
  let piece: Uint8Array = new Uint8Array();
  /** Of the first byte of `piece`. */
  let position = datasetOffset;

  const restart = (): void => {
    stream?.destroy();
    const inflate = createInflateRaw();
    const source = Readable.from(rawDeflate(deflated.pieces(datasetOffset)));
    source.on('error', (error) => inflate.destroy(error));
    inflate.on('close', () => source.destroy());
    stream = source.pipe(inflate);
    pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    piece = new Uint8Array();
    position = datasetOffset;
  };
  const advance = async (): Promise<void> => {
    position += piece.length;
    try {
      const next = await pieces!.next();
      if (next.done === true) throw cutOff();
      piece = next.value;
    } catch (error) {
      pieces = null;
      throw new TriageError('dicom-unreadable', 'The file is cut off or broken: its data set cannot be inflated.', {
        cause: error instanceof Error ? error : new Error(messageOf(error)),
      });
    }
  };
  return {
    sizeBytes: null,
    read: async (offset, length) => {
      if (pieces === null || offset < position) restart();
      const bytes = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        const from = offset + filled - position;
        if (from >= piece.length) {
          await advance();
          continue;
        }
        const part = piece.subarray(from, from + length - filled);
        bytes.set(part, filled);
        filled += part.length;
      }
      return bytes;
    },
    pieces: () => {
      throw new TypeError('Inflated bytes are read by their position.');
    },
  };
}

async function* rawDeflate(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const piece of pieces) {
    yield isFirst ? withoutZlibHeader(piece) : piece;
    isFirst = false;
  }
}

function cutOff(): TriageError {
  return new TriageError('dicom-unreadable', 'The file is cut off: it ends inside its pixel data.');
}
