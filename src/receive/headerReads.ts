import type { FileHandle } from 'node:fs/promises';
import { beginningOf } from '../base/readBeginning.ts';

/** Bytes of headers that may be in memory at once: eight of the maximum size. */
const MAX_BYTES_IN_MEMORY = 64 * 1024 * 1024;

/** Starts work on a header only when its memory fits the limit; the others wait in order. */
export interface HeaderReads {
  /** Reads the first `bytes` of a file, or all of a shorter one, and holds them for as long as `use` takes. */
  withBeginning<T>(file: FileHandle, bytes: number, use: (beginning: Buffer) => Promise<T>): Promise<T>;
}

export function createHeaderReads(maxBytesInMemory: number = MAX_BYTES_IN_MEMORY): HeaderReads {
  let bytesInMemory = 0;
  const waiting: (() => void)[] = [];
  const acquire = async (bytes: number): Promise<void> => {
    while (bytesInMemory > 0 && bytesInMemory + bytes > maxBytesInMemory)
      await new Promise<void>((resolve) => waiting.push(resolve));
    bytesInMemory += bytes;
  };
  const release = (bytes: number): void => {
    bytesInMemory -= bytes;
    for (const resolve of waiting.splice(0)) resolve();
  };
  return {
    withBeginning: async (file, bytes, use) => {
      const { size } = await file.stat();
      const wanted = Math.min(size, bytes);
      await acquire(wanted);
      try {
        return await use(await beginningOf(file, wanted));
      } finally {
        release(wanted);
      }
    },
  };
}
