import { askChild, forkBeside } from '../base/childProcess.ts';
import { TriageError } from '../base/errors.ts';

/** Two files, by absolute path. */
export interface ImagePair {
  first: string;
  second: string;
}

/**
 * Whether the CT images in two Part 10 files have the same pixels in Hounsfield units, whatever their encoding; one answer a pair. A file that cannot
 * be decoded is like no other. Decodes in a process of its own, which ends with the last pair.
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
    // What a damaged file does to a decoder says nothing of the other pairs: they count as different, and a person looks.
    return pairs.map(() => false);
  } finally {
    child.kill('SIGKILL');
  }
}
