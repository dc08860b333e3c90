import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { StoreOutcome } from '../case/delivery.ts';
import { MAX_CONTEXTS } from '../dimse/negotiation.ts';
import type { DimsePeer } from './dimseAssociation.ts';
import { inspectPart10, type Part10File } from './part10Source.ts';
import { createStoreSender, distinctPairs } from './storeSender.ts';

/** The outcome for one file. */
export interface FileOutcome {
  path: string;
  /** Null when the file could not be read as DICOM. */
  sopInstanceUid: string | null;
  studyInstanceUid: string | null;
  outcome: StoreOutcome | { kind: 'unreadable'; reason: string };
}

export interface SendFilesOptions {
  /** Number of associations open at once; the files are distributed among them in order. Default 1. */
  associations?: number;
  onProgress?: (last: FileOutcome, doneFiles: number, totalFiles: number) => void;
}

/**
 * Sends Part 10 files of any SOP class and transfer syntax by C-STORE, their data sets byte for byte. One outcome per file, in the given order;
 * never rejects because of a file's content or a peer's behaviour.
 */
export async function sendFiles(
  peer: DimsePeer,
  paths: readonly string[],
  ports: { clock: Clock },
  options: SendFilesOptions = {},
): Promise<FileOutcome[]> {
  const outcomes = new Map<number, FileOutcome>();
  const finish = (index: number, file: Part10File | null, outcome: FileOutcome['outcome']): void => {
    const last = {
      path: paths[index]!,
      sopInstanceUid: file?.sopInstanceUid ?? null,
      studyInstanceUid: file?.studyInstanceUid ?? null,
      outcome,
    };
    outcomes.set(index, last);
    options.onProgress?.(last, outcomes.size, paths.length);
  };

  const readable: { index: number; file: Part10File }[] = [];
  for (const [index, path] of paths.entries()) {
    try {
      readable.push({ index, file: await inspectPart10(path) });
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      finish(index, null, { kind: 'unreadable', reason: error.message });
    }
  }

  const pairs = distinctPairs(readable.map(({ file }) => file));
  for (let first = 0; first < pairs.length; first += MAX_CONTEXTS) {
    const group = pairs.slice(first, first + MAX_CONTEXTS);
    const queue = readable.filter(({ file }) =>
      group.some(
        (pair) => pair.abstractSyntaxUid === file.sopClassUid && pair.transferSyntaxUid === file.transferSyntaxUid,
      ),
    );
    const work = async (): Promise<void> => {
      const sender = createStoreSender(peer, group, ports.clock);
      for (let next = queue.shift(); next !== undefined; next = queue.shift())
        finish(next.index, next.file, await sender.send(next.file));
      await sender.close();
    };
    await Promise.all(Array.from({ length: Math.max(1, Math.min(options.associations ?? 1, queue.length)) }, work));
  }
  return paths.map((_, index) => outcomes.get(index)!);
}
