import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceHeader, StoredInstance } from '../case/case.ts';
import { MAX_HEADER_BYTES, parseElements } from '../dicom/elements.ts';
import { writeFileMeta, type FileMetaFacts } from '../dicom/fileMeta.ts';
import { readHeader } from '../dicom/header.ts';
import { isValidUid } from '../dicom/uids.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { syncFolder } from '../base/durably.ts';

/** What the command and the association say of an object before its first byte. */
export type IncomingFacts = Required<FileMetaFacts>;

/** An object on its way to disk. After a rejection only `discard` may be called. */
export interface IncomingObject {
  /**
   * Takes data set bytes as they come; they are copied or on disk when it resolves.
   *
   * @throws TriageError `object-too-large`, `spool-full`, `spool-write-failed`
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Resolves once the object is durable under its final name (promise 1): written, synced, checked, renamed, folder synced.
   *
   * @throws TriageError `dicom-mismatch` when the data set is not what the command said, `dicom-unreadable`, `spool-full`, `spool-write-failed`
   */
  commit(): Promise<StoredInstance>;
  /** Leaves nothing behind. Never rejects. */
  discard(): Promise<void>;
}

export interface Spool {
  /** @throws TriageError `dicom-mismatch` for UIDs that are none, `spool-full` below the low-water mark */
  begin(facts: IncomingFacts): Promise<IncomingObject>;
  /** Reads an object that lies in the spool already. @throws TriageError `dicom-unreadable`, `dicom-mismatch`, `not-found` */
  describe(path: string): Promise<StoredInstance>;
}

/** Bytes of an object that are gathered before they are written: a slice of 512 x 512 goes to disk in one piece. */
const STAGING_BYTES = 1_048_576;
const FREE_BYTES_AGE_MS = 250;
const MAX_KNOWN_STUDIES = 4_096;
const OBJECT_PATH = /^objects\/[0-9a-f]{16}\/[0-9.]{1,64}\.([0-9a-f]{16})(?:\.[0-9a-z]+-[0-9a-z]+)?\.dcm$/;

/**
 * The folder of received objects: `objects/<digest of the study UID>/<SOP instance UID>.<digest of the data set>.<start>-<count>.dcm`, both digests the first 16
 * hex digits of SHA-256. A name is used once: an object that comes again is a file of its own, and the worklist says which of them is needed. So nobody
 * deletes, for what he knew before, a file that has just been acknowledged. Temporary files of an earlier process are removed: what they were of was never
 * acknowledged.
 */
export async function openSpool(options: {
  dir: string;
  minFreeBytes: number;
  maxObjectBytes: number;
  clock: Clock;
}): Promise<Spool> {
  const { dir, clock } = options;
  const temporaryDir = join(dir, 'tmp');
  await rm(temporaryDir, { recursive: true, force: true });
  await mkdir(temporaryDir, { recursive: true });
  await mkdir(join(dir, 'objects'), { recursive: true });
  const sync = directorySync();
  await sync(dir);

  const start = clock.now().toString(36);
  let objects = 0;
  const stagingPool: Buffer[] = [];
  const free = { bytes: Number.POSITIVE_INFINITY, readAtMs: Number.NEGATIVE_INFINITY };

  const checkFreeBytes = async (): Promise<void> => {
    if (clock.monotonicMs() - free.readAtMs > FREE_BYTES_AGE_MS) {
      free.readAtMs = clock.monotonicMs();
      const { bavail, bsize } = await statfs(dir);
      free.bytes = bavail * bsize;
    }
    if (free.bytes < options.minFreeBytes) {
      throw new TriageError('spool-full', 'Less disk is free than receive.minFreeBytes asks for.', {
        context: { freeBytes: free.bytes, limit: options.minFreeBytes },
      });
    }
  };

  // One promise for each study: an object may not be acknowledged while the entry of its folder is still being synced for another.
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

  /** Moves a synced temporary file to its place. */
  const place = async (
    temporaryPath: string,
    header: InstanceHeader,
    sha256: string,
    mark: string,
  ): Promise<string> => {
    const folder = `objects/${createHash('sha256').update(header.studyInstanceUid).digest('hex').slice(0, 16)}`;
    const path = `${folder}/${header.sopInstanceUid}.${sha256.slice(0, 16)}.${mark}.dcm`;
    const studyDir = join(dir, folder);
    for (let attempt = 0; ; attempt++) {
      try {
        await ensureStudyDir(studyDir);
        await rename(temporaryPath, join(dir, path));
        await sync(studyDir);
        return path;
      } catch (error) {
        // Retention removed the emptied folder of the study.
        studyDirs.delete(studyDir);
        if (attempt > 0 || !isMissing(error)) throw error;
      }
    }
  };

  return {
    begin: async (facts) => {
      if (!isValidUid(facts.sopClassUid) || !isValidUid(facts.sopInstanceUid))
        throw new TriageError('dicom-mismatch', 'The command names a UID that is not valid (PS3.5 9.1).');
      try {
        await checkFreeBytes();
      } catch (error) {
        throw diskError(error);
      }
      const mark = `${start}-${(++objects).toString(36)}`;
      const temporaryPath = join(temporaryDir, `${mark}.part`);
      const staging = stagingPool.pop() ?? Buffer.allocUnsafeSlow(STAGING_BYTES);
      const meta = writeFileMeta(facts);
      const hash: Hash = createHash('sha256');
      let staged = meta.copy(staging);
      let writtenBytes = 0;
      let file: FileHandle | null = null;
      let closed = false;

      const flush = async (): Promise<FileHandle> => {
        file ??= await open(temporaryPath, 'wx+', 0o640);
        for (let position = 0; position < staged;) {
          const { bytesWritten } = await file.write(staging, position, staged - position);
          position += bytesWritten;
        }
        writtenBytes += staged;
        staged = 0;
        return file;
      };
      const close = async (): Promise<void> => {
        if (closed) return;
        closed = true;
        stagingPool.push(staging);
        await file?.close();
      };
      const checkedHeader = (head: Uint8Array): InstanceHeader => {
        const header = readHeader(head);
        if (header.sopClassUid !== facts.sopClassUid || header.sopInstanceUid !== facts.sopInstanceUid) {
          throw new TriageError(
            'dicom-mismatch',
            'The data set is of another SOP class or instance than the command says.',
          );
        }
        return header;
      };

      return {
        write: async (bytes) => {
          if (writtenBytes + staged + bytes.length - meta.length > options.maxObjectBytes) {
            throw new TriageError('object-too-large', 'The object is larger than receive.maxObjectBytes.', {
              context: { limit: options.maxObjectBytes },
            });
          }
          hash.update(bytes);
          try {
            for (let position = 0; position < bytes.length;) {
              if (staged === staging.length) await flush();
              const piece = bytes.subarray(position, position + staging.length - staged);
              staging.set(piece, staged);
              staged += piece.length;
              position += piece.length;
            }
          } catch (error) {
            throw diskError(error);
          }
        },
        commit: async () => {
          const sizeBytes = writtenBytes + staged;
          const wholeInMemory = writtenBytes === 0 ? staging.subarray(0, staged) : null;
          const sha256 = hash.digest('hex');
          try {
            const handle = await flush();
            // The disk writes while the header is read.
            const [header] = await Promise.all([
              (async () => checkedHeader(wholeInMemory ?? (await readHead(handle, meta.length))))(),
              handle.datasync(),
            ]);
            const receivedAtMs = clock.now();
            await close();
            const path = await place(temporaryPath, header, sha256, mark);
            return { header, path, sha256, sizeBytes, receivedAtMs, sourceAeTitle: facts.sourceAeTitle };
          } catch (error) {
            throw diskError(error);
          }
        },
        discard: async () => {
          try {
            await close();
            if (file !== null) await rm(temporaryPath, { force: true });
          } catch {
            // It is removed at the next start.
          }
        },
      };
    },

    describe: async (path) => {
      const digest = OBJECT_PATH.exec(path)?.[1];
      if (digest === undefined) throw new TriageError('not-found', 'This is no path of a received object.');
      let file: FileHandle;
      try {
        file = await open(join(dir, path), 'r');
      } catch (error) {
        throw new TriageError('not-found', 'A received object is not on disk any more.', { cause: error });
      }
      try {
        const { size, mtimeMs } = await file.stat();
        const head = await readHead(file, 0);
        const header = readHeader(head);
        const elements = parseElements(head, { stopBeforePixelData: true });
        const hash = createHash('sha256');
        for await (const chunk of file.createReadStream({ start: elements.datasetOffset, autoClose: false }))
          hash.update(chunk as Buffer);
        const sha256 = hash.digest('hex');
        if (!sha256.startsWith(digest))
          throw new TriageError('dicom-unreadable', 'The bytes on disk are not those that were received.');
        return {
          header,
          path,
          sha256,
          sizeBytes: size,
          receivedAtMs: Math.round(mtimeMs),
          sourceAeTitle: elements.string(0x00020016) ?? '',
        };
      } finally {
        await file.close();
      }
    },
  };
}

/** Paths, relative to the spool, of the objects that were written after `sinceMs`. */
export async function listSpool(dir: string, sinceMs: number): Promise<string[]> {
  const paths: string[] = [];
  for (const study of await readdir(join(dir, 'objects'))) {
    for (const name of await readdir(join(dir, 'objects', study)).catch(() => [])) {
      const path = `objects/${study}/${name}`;
      if (!OBJECT_PATH.test(path)) continue;
      const facts = await stat(join(dir, path)).catch(() => null);
      if (facts !== null && Math.max(facts.mtimeMs, facts.ctimeMs) >= sinceMs) paths.push(path);
    }
  }
  return paths;
}

/** Syncs folders; those who ask for the same folder while it is being synced share the next sync. */
function directorySync(): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const start = (path: string): Promise<void> => {
    const work = syncFolder(path).finally(() => {
      running.delete(path);
    });
    running.set(path, work);
    return work;
  };
  return (path) => {
    const current = running.get(path);
    if (current === undefined) return start(path);
    // The running one may have begun before the caller's rename.
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

/** The beginning of a file, long enough for every header that can be read. */
async function readHead(file: FileHandle, metaBytes: number): Promise<Buffer> {
  const { size } = await file.stat();
  const head = Buffer.allocUnsafeSlow(Math.min(size, MAX_HEADER_BYTES + metaBytes));
  let filled = 0;
  while (filled < head.length) {
    const { bytesRead } = await file.read(head, filled, head.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return head.subarray(0, filled);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function diskError(error: unknown): TriageError {
  if (error instanceof TriageError) return error;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined) return new TriageError('dicom-unreadable', 'The data set cannot be read.', { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new TriageError('spool-full', 'The disk of the spool is full.', { cause: error, context: { code } });
  return new TriageError('spool-write-failed', `The object cannot be written (${code}).`, {
    cause: error,
    context: { code },
  });
}
