import type { ByteSource } from '../base/byteSource.ts';
import { MAX_HEADER_BYTES, parseElements, type Elements } from './elements.ts';

/** Headers are seldom longer. */
const FIRST_READ_BYTES = 64 * 1024;

/** The elements of a file up to its pixel data; more of the file is read only where its header is longer than most. @throws TriageError `dicom-unreadable` */
export async function readHead(file: ByteSource): Promise<Elements> {
  const fileBytes = file.sizeBytes!;
  const head = async (bytes: number): Promise<Elements> =>
    parseElements(await file.read(0, Math.min(fileBytes, bytes)), { stopBeforePixelData: true, fileBytes });
  try {
    return await head(FIRST_READ_BYTES);
  } catch (error) {
    if (fileBytes <= FIRST_READ_BYTES) throw error;
    return head(MAX_HEADER_BYTES + FIRST_READ_BYTES);
  }
}
