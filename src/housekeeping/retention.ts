import { rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { RemovalCause } from '../worklist/cases/removal.ts';

export interface RetentionOptions {
  store: Pick<WorklistStore, 'removableCases' | 'removeFeatures' | 'beginRemoval' | 'finishRemoval'>;
  clock: Clock;
  log: Log;
  spoolDir: string;
  resultsDir: string;
  /** Finished cases that received nothing new for this long are removed. */
  retentionMs: number;
  /** Below this much free disk, what is safest to lose is removed early. */
  lowWaterFreeBytes: number;
  /** False while the clock may be wrong: nothing is removed because of its age then. */
  isClockTrusted?: () => boolean;
  /** Free disk under the spool, bytes. */
  freeBytes?: () => Promise<number>;
}

const BATCH = 50;
/** A study received within this time may still be arriving: not even a full disk removes it. */
const STILL_COMING_MS = 60 * 60_000;

/**
 * Removes finished cases whose retention time is over. While the disk is nearly full, it also removes what is safest to lose, no more than needed: encoded
 * slices, then read cases, those that were not flagged first. It never removes a case that is unfinished, failed or held, nor an unread one that is flagged or
 * was not analysed, unless it is a prior or ignored by a rule: below the receiver's own limit (`receive.minFreeBytes`) new objects are refused instead. Returns how many cases.
 */
export async function retainCases(options: RetentionOptions): Promise<number> {
  const { store, clock, log, lowWaterFreeBytes } = options;
  const freeBytes = options.freeBytes ?? (() => freeBytesUnder(options.spoolDir));
  const isDiskLow = async (): Promise<boolean> => (await freeBytes()) < lowWaterFreeBytes;
  const stillComingMs = clock.now() - STILL_COMING_MS;
  const isTrusted = (): Promise<boolean> => Promise.resolve(options.isClockTrusted?.() ?? true);
  const old = await removeWhile(options, 'age', clock.now() - options.retentionMs, isTrusted);
  if (old > 0) log.info('Finished cases removed: their time was over', { count: old });
  if (!(await isDiskLow())) return old;

  const features = await store.removeFeatures(stillComingMs);
  const early = await removeWhile(options, 'disk', stillComingMs, isDiskLow);
  log.warn('The disk is nearly full: encoded slices and cases that were read are removed before their time', {
    count: early,
    features,
  });
  const free = await freeBytes();
  if (free < lowWaterFreeBytes)
    log.error(
      'The disk stays below its low-water mark, and nothing more may be removed: read studies, or give the disk space',
      { freeBytes: free },
    );
  return old + early;
}

async function removeWhile(
  options: RetentionOptions,
  cause: RemovalCause,
  beforeMs: number,
  wanted: () => Promise<boolean>,
): Promise<number> {
  let removed = 0;
  const tried = new Set<string>();
  while (true) {
    const batch = (await options.store.removableCases(beforeMs, BATCH + tried.size, cause)).filter(
      (candidate) => !tried.has(candidate.studyInstanceUid),
    );
    if (batch.length === 0) return removed;
    for (const { studyInstanceUid } of batch) {
      if (!(await wanted())) return removed;
      tried.add(studyInstanceUid);
      if (await remove(options, studyInstanceUid, cause, beforeMs)) removed++;
    }
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
  for (const path of paths) await rm(path, { force: true });
  for (const folder of new Set(paths.map((path) => dirname(path)))) await removeIfEmpty(folder);
  const finished = await store.finishRemoval(studyInstanceUid, cause);
  if (!finished) log.warn('A study came again while it was removed', { studyInstanceUid });
  return finished;
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
