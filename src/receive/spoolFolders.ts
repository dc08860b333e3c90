import { createHash } from 'node:crypto';
import { closeSync, fsync, openSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { allSettledOrThrow } from '../base/allSettledOrThrow.ts';
import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** The spool on disk: temporary files, the final places of objects, and the remaining room. */
export interface SpoolFolders {
  /** A unique mark that no other object of this spool has ever had, and the temporary file of that name. */
  newMark(): { mark: string; temporaryPath: string };
  /** @throws TriageError `spool-full` below the low-water mark */
  checkFreeBytes(): Promise<void>;
  /** Moves a whole temporary file to its final place, and resolves with its path relative to the spool once bytes and name are durable. */
  place(object: WrittenObject): Promise<string>;
}

/** An object whose bytes are all in its temporary file, not necessarily on disk. */
interface WrittenObject {
  file: FileHandle;
  temporaryPath: string;
  header: InstanceHeader;
  sha256: string;
  mark: string;
}

const FREE_BYTES_AGE_MS = 250;
const MAX_KNOWN_STUDIES = 4_096;
const FORGOTTEN_AFTER_MS = 86_400_000;

/** What the names of a node's objects end with: the first 8 hex digits of the SHA-256 of its name. */
export function nodeMark(node: string): string {
  return createHash('sha256').update(node).digest('hex').slice(0, 8);
}

/**
 * Creates the folders of the spool and removes the temporary files of an earlier process: their objects were never acknowledged. Where several nodes receive
 * into one spool, each gives its name, and has temporary files of its own.
 */
export async function openSpoolFolders(
  dir: string,
  { minFreeBytes, clock, node }: { minFreeBytes: number; clock: Clock; node?: string | undefined },
): Promise<SpoolFolders> {
  const temporaryDir = join(dir, 'tmp', node === undefined ? '' : nodeMark(node));
  await rm(temporaryDir, { recursive: true, force: true });
  await mkdir(temporaryDir, { recursive: true });
  if (node !== undefined) await removeForgotten(join(dir, 'tmp'), clock.now());
  await mkdir(join(dir, 'objects'), { recursive: true });
  const sync = directorySync();
  await sync(dir);

  const start = clock.now().toString(36);
  let objects = 0;
  const free = { bytes: Number.POSITIVE_INFINITY, readAtMs: Number.NEGATIVE_INFINITY };

  // One promise per study: an object may not be acknowledged while the entry of its folder is still being synced for another.
  const studyDirs = new Map<string, Promise<void>>();
  const ensureStudyDir = (path: string): Promise<void> => {
    let ready = studyDirs.get(path);
    if (ready === undefined) {
      if (studyDirs.size >= MAX_KNOWN_STUDIES) studyDirs.clear();
      ready = (async () => {
        await mkdir(path, { recursive: true });
        await sync(join(dir, 'objects'));
      })();
      ready.catch(() => studyDirs.delete(path));
      studyDirs.set(path, ready);
    }
    return ready;
  };

  return {
    newMark: () => {
      const count = `${start}-${(++objects).toString(36)}`;
      const mark = node === undefined ? count : `${count}-${nodeMark(node)}`;
      return { mark, temporaryPath: join(temporaryDir, `${mark}.part`) };
    },
    checkFreeBytes: async () => {
      if (clock.monotonicMs() - free.readAtMs > FREE_BYTES_AGE_MS) {
        free.readAtMs = clock.monotonicMs();
        const { bavail, bsize } = await statfs(dir);
        free.bytes = bavail * bsize;
      }
      if (free.bytes < minFreeBytes)
        throw new TriageError('spool-full', 'Less disk is free than receive.minFreeBytes asks for.', {
          context: { freeBytes: free.bytes, limit: minFreeBytes },
        });
    },
    place: async ({ file, temporaryPath, header, sha256, mark }) => {
      const folder = `objects/${createHash('sha256').update(header.studyInstanceUid).digest('hex').slice(0, 16)}`;
      const path = `${folder}/${header.sopInstanceUid}.${sha256.slice(0, 16)}.${mark}.dcm`;
      const studyDir = join(dir, folder);
      for (let attempt = 0; ; attempt++) {
        try {
          await ensureStudyDir(studyDir);
          await rename(temporaryPath, join(dir, path));
          // Renamed first, so that one commit of the file system's journal takes bytes and name. A crash of this process leaves the file whole; a power
          // cut before the answer may leave it torn, which its digest tells.
          await allSettledOrThrow([file.datasync(), sync(studyDir)]);
          return path;
        } catch (error) {
          // The sender is told that it is not stored, so the next start must not find it.
          await rm(join(dir, path), { force: true }).catch(() => undefined);
          // Retention has removed the study's emptied folder.
          studyDirs.delete(studyDir);
          if (attempt > 0 || !isMissing(error)) throw error;
        }
      }
    },
  };
}

/** Removes temporary files of nodes that never came back: nobody writes to one for a day. */
async function removeForgotten(folder: string, nowMs: number): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const facts = await stat(path).catch(() => null);
    if (facts !== null && facts.mtimeMs < nowMs - FORGOTTEN_AFTER_MS) await rm(path, { force: true });
  }
}

/** Syncs folders; callers that ask for the same folder while it is being synced share the next sync. */
function directorySync(): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const start = (path: string): Promise<void> => {
    const work = syncOnce(path).finally(() => {
      running.delete(path);
    });
    running.set(path, work);
    return work;
  };
  return (path) => {
    const current = running.get(path);
    if (current === undefined) return start(path);
    // The running sync may have started before the caller's rename.
    let next = waiting.get(path);
    if (next === undefined) {
      next = (async () => {
        await current.catch(() => undefined);
        waiting.delete(path);
        await start(path);
      })();
      waiting.set(path, next);
    }
    return next;
  };
}

const fsyncDescriptor = promisify(fsync);

/** Opening and closing a folder that is in use waits for nothing, so only the sync takes a thread. */
async function syncOnce(path: string): Promise<void> {
  const folder = openSync(path, 'r');
  try {
    await fsyncDescriptor(folder);
  } finally {
    closeSync(folder);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
