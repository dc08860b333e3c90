import { askChild, forkBeside } from '../base/childProcess.ts';
import { TriageError } from '../base/errors.ts';

/** Two files, by absolute path. */
export interface ImagePair {
  first: string;
  second: string;
}

/**
 * Whether the CT images in two Part 10 files have the same pixels in Hounsfield units, whatever their encoding; one answer per pair. A file that cannot
 * be decoded never matches another. Decodes in a separate process, which ends with the last pair.
 */
export async function samePixels(pairs: readonly ImagePair[]): Promise<boolean[]> {
  if (pairs.length === 0) return [];
  const child = forkBeside(import.meta.url, 'samePixelsChild');
  const ended = (how: string): Error =>
    new TriageError('inference-died', `The process that compares images ended (${how}).`);
  try {
    const answers: boolean[] = [];
    for (const pair of pairs) answers.push((await askChild<{ same: boolean }>(child, pair, ended)).same);
    return answers;
  } catch {
    // A damaged file that crashes the decoder says nothing about the other pairs: they count as different, and a person decides.
    return pairs.map(() => false);
  } finally {
    child.kill('SIGKILL');
  }
}
