import { rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { RemovalCause } from '../worklist/cases/removal.ts';

export interface RetentionOptions {
  store: Pick<
    WorklistStore,
    | 'removableCases'
    | 'removeFeatures'
    | 'beginRemoval'
    | 'finishRemoval'
    | 'freeableCases'
    | 'freeFiles'
    | 'filesToDelete'
    | 'noteDeleted'
    | 'waitingBytes'
    | 'casesWithWaitingPictures'
    | 'giveUpPictures'
  >;
  clock: Clock;
  log: Log;
  spoolDir: string;
  resultsDir: string;
  /** Finished cases that received nothing new for this long are removed. */
  retentionMs: number;
  /** Beyond this much of result files that wait for destinations, pictures are given up. */
  maxWaitingBytes: number;
  /** Below this much free disk, what is safest to lose is removed early. */
  lowWaterFreeBytes: number;
  /** False while the clock may be wrong: nothing is removed because of its age then. */
  isClockTrusted?: () => boolean;
  /** Free disk under the spool, bytes. */
  freeBytes?: () => Promise<number>;
}

const BATCH = 50;
/** Files whose deletion is noted together. */
const MOST_FILES = 500;
/** A study received within this time may still be arriving: not even a full disk removes it. */
const STILL_COMING_MS = 60 * 60_000;

/** One of the ways in which retention makes room. */
interface Way {
  /** Cases for which it may be taken, safest first. */
  list: WorklistStore['removableCases'];
  /** False when it may no longer be taken. */
  take: (
    options: RetentionOptions,
    studyInstanceUid: string,
    cause: RemovalCause,
    beforeMs: number,
  ) => Promise<boolean>;
}

/**
 * Removes finished cases whose retention time is over, and the received files of those whose results only wait for a destination. While the disk is nearly
 * full, it also removes what is safest to lose, no more than needed: encoded slices, then read cases, those that were not flagged first, then the received
 * files of read cases that wait, then pictures that wait. Those are also given up while more results wait than `maxWaitingBytes`. It never removes a case that is unfinished, failed or held, nor an unread one that is flagged or was not analysed, unless it
 * is a prior or ignored by a rule: below the receiver's own limit (`receive.minFreeBytes`) new objects are refused instead. Returns how many cases.
 */
export async function retainCases(options: RetentionOptions): Promise<number> {
  const { store, clock, log, lowWaterFreeBytes } = options;
  const freeBytes = options.freeBytes ?? (() => freeBytesUnder(options.spoolDir));
  const isDiskLow = async (): Promise<boolean> => (await freeBytes()) < lowWaterFreeBytes;
  const [oldMs, stillComingMs] = [clock.now() - options.retentionMs, clock.now() - STILL_COMING_MS];
  const isTrusted = (): Promise<boolean> => Promise.resolve(options.isClockTrusted?.() ?? true);
  const whole: Way = { list: store.removableCases, take: remove };
  const files: Way = { list: store.freeableCases, take: freeFiles };
  await deleteFreed(options);
  const old = await takeWhile(whole, options, 'age', oldMs, isTrusted);
  if (old > 0) log.info('Finished cases removed: their time was over', { count: old });
  const oldFiles = await takeWhile(files, options, 'age', oldMs, isTrusted);
  if (oldFiles > 0)
    log.info('Received files of cases removed: their time was over, and only their results wait', { count: oldFiles });
  await keepWaitingResultsWithin(options, oldMs, stillComingMs, isTrusted);
  if (!(await isDiskLow())) return old;

  const features = await store.removeFeatures(stillComingMs);
  const early = await takeWhile(whole, options, 'disk', stillComingMs, isDiskLow);
  log.warn('The disk is nearly full: encoded slices and cases that were read are removed before their time', {
    count: early,
    features,
  });
  const earlyFiles = await takeWhile(files, options, 'disk', stillComingMs, isDiskLow);
  if (earlyFiles > 0)
    log.warn('The disk is nearly full: received files are removed of cases that wait for a destination', {
      count: earlyFiles,
    });
  const pictures = await takeWhile(waitingPictures(store), options, 'disk', stillComingMs, isDiskLow);
  if (pictures > 0)
    log.warn('The disk is nearly full: pictures that wait for a destination are given up', { count: pictures });
  const free = await freeBytes();
  if (free < lowWaterFreeBytes)
    log.error(
      'The disk stays below its low-water mark, and nothing more may be removed: read studies, or give the disk space',
      { freeBytes: free },
    );
  return old + early;
}

/** Gives pictures up until no more waits than `maxWaitingBytes`, those first whose time is over. */
async function keepWaitingResultsWithin(
  options: RetentionOptions,
  oldMs: number,
  stillComingMs: number,
  isTrusted: () => Promise<boolean>,
): Promise<void> {
  let excessBytes = (await options.store.waitingBytes()) - options.maxWaitingBytes;
  if (excessBytes <= 0) return;
  const pictures = waitingPictures(options.store, (bytes) => {
    excessBytes -= bytes;
  });
  const isOver = (): boolean => excessBytes > 0;
  const count =
    (await takeWhile(pictures, options, 'age', oldMs, async () => isOver() && (await isTrusted()))) +
    (await takeWhile(pictures, options, 'disk', stillComingMs, () => Promise.resolve(isOver())));
  if (count > 0)
    options.log.warn(
      'More results wait for destinations than housekeeping.maxWaitingBytes: pictures of read cases are given up, their reports still wait',
      { count },
    );
  if (isOver())
    options.log.error(
      'More results wait for destinations than housekeeping.maxWaitingBytes, and nothing more may be given up: mend or retire the destination',
      { count },
    );
}

/** Gives up what pictures of a case wait for. `onFreed` is told how many bytes each case made free. */
function waitingPictures(store: RetentionOptions['store'], onFreed: (bytes: number) => void = () => undefined): Way {
  return {
    list: store.casesWithWaitingPictures,
    take: async ({ resultsDir }, studyInstanceUid, cause, beforeMs) => {
      const given = await store.giveUpPictures(studyInstanceUid, beforeMs, cause);
      if (given === null) return false;
      await deleteFiles(given.paths.map((path) => within(resultsDir, path)));
      onFreed(given.bytes);
      return true;
    },
  };
}

async function takeWhile(
  { list, take }: Way,
  options: RetentionOptions,
  cause: RemovalCause,
  beforeMs: number,
  wanted: () => Promise<boolean>,
): Promise<number> {
  let taken = 0;
  const tried = new Set<string>();
  while (true) {
    const batch = (await list(beforeMs, BATCH + tried.size, cause)).filter(
      (candidate) => !tried.has(candidate.studyInstanceUid),
    );
    if (batch.length === 0) return taken;
    for (const { studyInstanceUid } of batch) {
      if (!(await wanted())) return taken;
      tried.add(studyInstanceUid);
      if (await take(options, studyInstanceUid, cause, beforeMs)) taken++;
    }
  }
}

/** Deletes the received files of a case that stays. They are off the record first, so that nothing on record ever lacks its file. */
async function freeFiles(
  options: RetentionOptions,
  studyInstanceUid: string,
  cause: RemovalCause,
  beforeMs: number,
): Promise<boolean> {
  if (!(await options.store.freeFiles(studyInstanceUid, beforeMs, cause))) return false;
  await deleteFreed(options);
  return true;
}

/** Deletes the files that are off the record, also those of a removal that was cut short. */
async function deleteFreed({ store, spoolDir }: RetentionOptions): Promise<void> {
  while (true) {
    const paths = await store.filesToDelete(MOST_FILES);
    if (paths.length === 0) return;
    await deleteFiles(paths.map((path) => within(spoolDir, join(spoolDir, path))));
    await store.noteDeleted(paths);
  }
}

/**
 * Deletes files first, rows last: an interrupted removal is found again, and no file is ever left without a row. Objects received meanwhile have files of
 * their own (a name in the spool is used once), so the files on record can be deleted without checking.
 */
async function remove(
  { store, log, spoolDir, resultsDir }: RetentionOptions,
  studyInstanceUid: string,
  cause: RemovalCause,
  beforeMs: number,
): Promise<boolean> {
  const files = await store.beginRemoval(studyInstanceUid, beforeMs, cause);
  if (files === null) return false;
  const paths = [
    ...files.spoolPaths.map((path) => within(spoolDir, join(spoolDir, path))),
    ...files.resultPaths.map((path) => within(resultsDir, path)),
  ];
  await deleteFiles(paths);
  const finished = await store.finishRemoval(studyInstanceUid, cause);
  if (!finished) log.warn('A study came again while it was removed', { studyInstanceUid });
  return finished;
}

async function deleteFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  for (const folder of new Set(paths.map((path) => dirname(path)))) await removeIfEmpty(folder);
}

/** Guards against a path in a row that lies outside its folder. */
function within(folder: string, path: string): string {
  const inside = relative(folder, path);
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside))
    throw new TriageError('database-invalid', 'A recorded path lies outside its folder: nothing is deleted.');
  return path;
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

/** Bytes that this process may still write under `folder`. */
export async function freeBytesUnder(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
