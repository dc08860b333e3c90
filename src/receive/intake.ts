import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RecordOutcome, StoredInstance } from '../case/case.ts';
import type { RefusedObject } from '../case/refusedObject.ts';
import { backoffMs } from '../base/backoff.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { SendingEnd } from './receiverRecord.ts';

type Item =
  | { kind: 'stored'; instance: StoredInstance }
  | { kind: 'refused'; object: RefusedObject }
  | { kind: 'ended'; studyInstanceUids: readonly string[]; end: SendingEnd };

/** What intake needs from the worklist. */
interface IntakeStore {
  /** Records received objects (idempotent) in one transaction; one outcome per object, in the same order. */
  recordInstances(instances: readonly StoredInstance[]): Promise<RecordOutcome[]>;
  /** Path, relative to the spool, under which the same UID and bytes are recorded; null when they are not. */
  recordedPath(instance: StoredInstance): Promise<string | null>;
  /** Notes refused objects whose study is known (idempotent). */
  noteRefused(objects: readonly RefusedObject[]): Promise<void>;
  /** Marks studies for which nothing more is expected; with `waitMs`, once nothing more has come for so long. */
  nudgeComplete(studyInstanceUids: readonly string[], waitMs?: number): Promise<void>;
  /** Marks studies of which something may be missing, because the sender's connection broke. */
  noteBrokenOff(studyInstanceUids: readonly string[], atMs: number): Promise<void>;
  /** Takes that mark from studies that were sent on an association opened later. */
  noteSent(studyInstanceUids: readonly string[], openedAtMs: number): Promise<void>;
}

interface Options {
  store: IntakeStore;
  /** Absolute path of a path in the spool. */
  resolvePath: (path: string) => string;
  /** Called with slices that are newly recorded. */
  onNew: (instances: readonly StoredInstance[]) => void;
  /** How long a sender is waited for that may go on with a study, ms. */
  longestPauseMs: number;
  /** Whether other nodes receive too: what one of them has of a study, this one does not know. Default: none does. */
  othersReceive?: () => boolean;
  clock: Clock;
  log: Log;
}

export interface Intake {
  stored(instance: StoredInstance): void;
  refused(object: RefusedObject): void;
  /** Call when an association that brought objects of these studies has ended. */
  ended(studyInstanceUids: readonly string[], end: SendingEnd): void;
  /** Whether objects of the study are acknowledged and not on record yet. */
  holds(studyInstanceUid: string): boolean;
  /** Resolves when everything handed in has been recorded. */
  drained(): Promise<void>;
  close: () => Promise<void>;
}

/** Maximum number of objects in one transaction: other writers wait only for milliseconds. */
const MOST_IN_ONE_TRANSACTION = 500;
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;

/**
 * Records the objects that the receiver has acknowledged, in order of arrival, many per transaction. The objects themselves are safe on disk: writing to a
 * database that fails is retried for ever, and anything a crash leaves out is found at the next start.
 */
export function createIntake({
  store,
  resolvePath,
  onNew,
  longestPauseMs,
  othersReceive = () => false,
  clock,
  log,
}: Options): Intake {
  const queue: Item[] = [];
  /** Callers waiting for the queue to be empty. */
  const waiters: (() => void)[] = [];
  let isClosed = false;

  /** Removes items from the queue only once they are recorded. */
  async function step(): Promise<void> {
    const end = queue.findIndex((item) => item.kind !== 'stored');
    const batch = queue.slice(0, Math.min(end === -1 ? queue.length : end, MOST_IN_ONE_TRANSACTION));
    if (batch.length > 0) {
      const instances = batch.flatMap((item) => (item.kind === 'stored' ? [item.instance] : []));
      const outcomes = await store.recordInstances(instances);
      onNew(instances.filter((_, index) => outcomes[index] === 'new'));
      for (const [index, instance] of instances.entries()) if (outcomes[index] === 'copy') await keepOneFile(instance);
      queue.splice(0, batch.length);
      return;
    }
    const [first] = queue;
    if (first?.kind === 'ended') await noteEnd(first);
    if (first?.kind === 'refused') {
      const refused = queue.slice(0, MOST_IN_ONE_TRANSACTION);
      const next = refused.findIndex((item) => item.kind !== 'refused');
      const batch = next === -1 ? refused : refused.slice(0, next);
      await store.noteRefused(batch.flatMap((item) => (item.kind === 'refused' ? [item.object] : [])));
      queue.splice(0, batch.length);
      return;
    }
    queue.shift();
  }

  /** For an object that came again in its own file: the recorded file stays; if it has been lost, the new one takes its place. */
  async function keepOneFile(instance: StoredInstance): Promise<void> {
    const recorded = await store.recordedPath(instance);
    if (recorded === null || recorded === instance.path) return;
    const [kept, came] = [resolvePath(recorded), resolvePath(instance.path)];
    if (await isFile(kept)) {
      await rm(came, { force: true });
      return;
    }
    log.warn('a lost file is replaced by the one that came again', { sopInstanceUid: instance.header.sopInstanceUid });
    await mkdir(dirname(kept), { recursive: true });
    await rename(came, kept);
  }

  async function noteEnd({ studyInstanceUids, end }: Extract<Item, { kind: 'ended' }>): Promise<void> {
    const { how, openedAtMs, endedAtMs, whole, mayGoOn } = end;
    if (how === 'broken') await store.noteBrokenOff(studyInstanceUids, endedAtMs);
    if (how === 'released') await store.noteSent(studyInstanceUids, openedAtMs);
    const waits = othersReceive() ? whole : mayGoOn;
    const complete = whole.filter((study) => !waits.includes(study));
    if (complete.length > 0) await store.nudgeComplete(complete);
    if (waits.length > 0) await store.nudgeComplete(waits, longestPauseMs);
  }

  const loop = startWakingLoop({
    step: async () => {
      if (queue.length > 0) await step();
      if (queue.length > 0) return true;
      for (const resolve of waiters.splice(0)) resolve();
      return false;
    },
    pollMs: null,
    retryMs: (failures) => backoffMs('intake', failures, RETRY_MS, LONGEST_RETRY_MS),
    onError: (error) =>
      log.error('received objects are not on record yet, trying again', { count: queue.length, error }),
    clock,
  });

  function push(item: Item): void {
    queue.push(item);
    loop.wake();
  }

  return {
    stored: (instance) => push({ kind: 'stored', instance }),
    refused: (object) => push({ kind: 'refused', object }),
    ended: (studyInstanceUids, end) => {
      if (studyInstanceUids.length > 0) push({ kind: 'ended', studyInstanceUids, end });
    },
    holds: (studyInstanceUid) =>
      queue.some((item) => item.kind === 'stored' && item.instance.header.studyInstanceUid === studyInstanceUid),
    drained: () =>
      new Promise((resolve) => {
        if (isClosed) resolve();
        waiters.push(resolve);
        loop.wake();
      }),
    close: async () => {
      await loop.stop();
      isClosed = true;
      for (const resolve of waiters.splice(0)) resolve();
    },
  };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
