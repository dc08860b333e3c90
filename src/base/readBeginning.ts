import { open, type FileHandle } from 'node:fs/promises';

/** The first `bytes` of the file at `path`, or all of a shorter one, and the size of the file. */
export async function readBeginning(path: string, bytes: number): Promise<{ bytes: Buffer; fileBytes: number }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return { bytes: await beginningOf(file, Math.min(size, bytes)), fileBytes: size };
  } finally {
    await file.close();
  }
}

/** The first `length` bytes of an open file, or all of a shorter one. */
export async function beginningOf(file: FileHandle, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
