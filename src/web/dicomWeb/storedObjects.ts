import type { ChildProcess } from 'node:child_process';
import { askChild, forkBeside } from '../../base/childProcess.ts';
import { fromErrorMessage, type ErrorMessage } from '../../base/errorMessage.ts';
import { TriageError } from '../../base/errors.ts';
import type { InstanceHeader } from '../../case/case.ts';
import type { SourceSlice } from '../../case/triageModel.ts';
import type { FilePlace } from '../../dicom/pixelFrames.ts';

/** Hounsfield units that a picture shows, as WindowCenter and WindowWidth (PS3.3 C.11.2.1.2.1). */
export interface PictureWindow {
  center: number;
  width: number;
}

/** What the child can be asked of files, with its answers. */
interface AnswersOfObjects {
  /** The DICOM JSON of each file, as text. `address`: the URL of the instance. */
  metadata: { question: { files: readonly { path: string; address: string }[] }; answer: string[] };
  /** The header of each file; null where the file is gone. */
  headers: { question: { paths: readonly string[] }; answer: (InstanceHeader | null)[] };
  /** Where the frames lie in the file, from 1; none: all of them. */
  frames: { question: { path: string; frameNumbers: readonly number[] | null }; answer: FilePlace[][] };
  /** Where the value of a binary element of the data set lies in the file. */
  value: { question: { path: string; tag: number }; answer: FilePlace };
  /** A frame as PNG. `slice`: its Hounsfield units; null for pixels of eight bits, which are read from the file. */
  picture: {
    question: { path: string; frameNumber: number; slice: SourceSlice | null; window: PictureWindow | null };
    answer: Uint8Array;
  };
}
type Kind = keyof AnswersOfObjects;
export type ToObjectsChild = { [K in Kind]: { kind: K } & AnswersOfObjects[K]['question'] }[Kind];
export type FromObjectsChild = { answer: AnswersOfObjects[Kind]['answer'] } | { error: ErrorMessage };

/** Reads stored files in a process of its own: what a sender shaped is not parsed in the agent. */
export interface StoredObjects {
  /** One question at a time, in order. @throws TriageError `slice-gone`, `dicom-unreadable`, `pixel-data-undecodable` */
  ask<K extends Kind>(kind: K, question: AnswersOfObjects[K]['question']): Promise<AnswersOfObjects[K]['answer']>;
  close(): void;
}

/** A file that takes longer has led the parser astray. */
const MOST_ANSWER_MS = 60_000;

/** Starts the process with the first question; one that dies or hangs over a file is replaced at the next. */
export function createStoredObjects(after: (ms: number, run: () => void) => () => void): StoredObjects {
  let child: ChildProcess | null = null;
  let last: Promise<unknown> = Promise.resolve();

  const start = (): ChildProcess => {
    const started = forkBeside(import.meta.url, 'storedObjectsChild', { serialization: 'advanced' });
    // The process must not keep the agent from exiting.
    started.unref();
    started.channel?.unref();
    started.once('exit', () => {
      if (child === started) child = null;
    });
    return started;
  };
  const answerTo = async (question: ToObjectsChild) => {
    const asked = (child ??= start());
    const cancel = after(MOST_ANSWER_MS, () => asked.kill('SIGKILL'));
    try {
      const message = await askChild<FromObjectsChild>(
        asked,
        question,
        (how) => new TriageError('dicom-unreadable', `The object cannot be read: its reader ended (${how}).`),
      );
      if ('error' in message) throw fromErrorMessage(message.error, 'dicom-unreadable');
      return message.answer;
    } finally {
      cancel();
    }
  };
  return {
    ask: <K extends Kind>(kind: K, question: AnswersOfObjects[K]['question']) => {
      const answered = last.then(() => answerTo({ kind, ...question } as ToObjectsChild));
      last = answered.catch(() => undefined);
      return answered;
    },
    close: () => void child?.kill(),
  };
}
