import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { readHeader } from '../dicom/header.ts';

/** How much of an object is kept until it is answered. Beyond it lie the pixel data of nearly every slice. */
export const BEGINNING_BYTES = 65_536;

/** The header of a refused object, from the beginning of its file; null where that names no study. */
export function refusedHeader(beginning: Uint8Array): InstanceHeader | null {
  try {
    // Whatever is missing lies behind the beginning: how long the object is does not matter here.
    return readHeader(beginning, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (error instanceof TriageError) return null;
    throw error;
  }
}
