import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { allSettledOrThrow } from '../base/allSettledOrThrow.ts';
import type { InstanceHeader, StoredInstance } from '../case/case.ts';
import { samePatientId } from '../case/patientIdentity.ts';
import { MAX_HEADER_BYTES, parseHeaderElements } from '../dicom/elements.ts';
import { writeFileMeta, type FileMetaFacts } from '../dicom/fileMeta.ts';
import { headerOf } from '../dicom/header.ts';
import { isReadableUid } from '../dicom/uids.ts';
import { TriageError } from '../base/errors.ts';
import { isDiskFull } from '../base/installationFault.ts';
import type { Clock } from '../base/clock.ts';
import type { HeaderReads } from './headerReads.ts';
import { bufferReader, checkPixelData, fileReader, type ReadAt } from './pixelDataCheck.ts';
import type { SpoolFolders } from './spoolFolders.ts';

/** What the command and the association say about an object before its first byte. */
export type IncomingFacts = Required<FileMetaFacts>;

/** An object being written to disk. After a rejection only `discard` may be called. */
export interface IncomingObject {
  /**
   * Takes data set bytes as they arrive; when it resolves they have been copied or written.
   *
   * @throws TriageError `object-too-large`, `spool-full`, `spool-write-failed`
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Resolves once the object is durable under its final name (promise 1): written, checked, renamed, file and folder synced.
   *
   * @throws TriageError `dicom-mismatch` when the data set differs from the command, `dicom-unreadable`, `spool-full`, `spool-write-failed`
   */
  commit(): Promise<StoredInstance>;
  /** Removes everything written so far. Never rejects. */
  discard(): Promise<void>;
}

/** Of what an object may be; null: of anything. */
export interface OnlyOf {
  studyInstanceUid: string | null;
  patientId: string | null;
}

/** Why an object is not of `only`, in a sentence; null when it is. */
export function notOf(
  { studyInstanceUid, patientId }: Pick<InstanceHeader, 'studyInstanceUid' | 'patientId'>,
  only: OnlyOf,
): string | null {
  if (only.studyInstanceUid !== null && studyInstanceUid !== only.studyInstanceUid)
    return 'The object is of another study than the address of the request names.';
  if (only.patientId !== null && !samePatientId(patientId, only.patientId))
    return 'The object is of another Patient ID than the archive named for its study.';
  return null;
}

/** State shared by all incoming objects. */
export interface IncomingSpace {
  folders: SpoolFolders;
  headerReads: HeaderReads;
  maxObjectBytes: number;
  /** Buffers that are free for reuse. */
  stagingPool: Buffer[];
  clock: Clock;
}

/** Bytes of an object that are collected before they are written: a slice of 512 x 512 goes to disk in one write. */
const STAGING_BYTES = 1_048_576;

/** Begins an object; one that is not of `only` is refused at its end. @throws TriageError `dicom-mismatch` for invalid UIDs */
export function beginObject(space: IncomingSpace, facts: IncomingFacts, only?: OnlyOf): IncomingObject {
  if (!isReadableUid(facts.sopClassUid) || !isReadableUid(facts.sopInstanceUid))
    throw new TriageError(
      'dicom-mismatch',
      'The command names a UID that is none: two or more numbers with one dot between each two, 64 characters at most.',
    );
  const { folders, headerReads, maxObjectBytes, stagingPool, clock } = space;
  const { mark, temporaryPath } = folders.newMark();
  const staging = stagingPool.pop() ?? Buffer.allocUnsafeSlow(STAGING_BYTES);
  const meta = writeFileMeta(facts);
  const hash = createHash('sha256');
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

  return {
    write: async (bytes) => {
      if (writtenBytes + staged + bytes.length - meta.length > maxObjectBytes)
        throw new TriageError('object-too-large', 'The object is larger than receive.maxObjectBytes.', {
          context: { limit: maxObjectBytes },
        });
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
        const check = (beginning: Buffer, readAt: ReadAt): Promise<InstanceHeader> =>
          checkedHeader(beginning, readAt, sizeBytes, facts, only);
        const writing = flush();
        // The disk takes the bytes while their header is being read.
        const [handle, header] = await allSettledOrThrow([
          writing,
          wholeInMemory === null
            ? writing.then((written) =>
                headerReads.withBeginning(written, MAX_HEADER_BYTES + meta.length, (beginning) =>
                  check(beginning, fileReader(written)),
                ),
              )
            : check(wholeInMemory, bufferReader(wholeInMemory)),
        ]);
        const receivedAtMs = clock.now();
        const path = await folders.place({ file: handle, temporaryPath, header, sha256, mark });
        await close();
        const { sourceAeTitle, receivingAeTitle: calledAeTitle } = facts;
        return { header, path, sha256, sizeBytes, receivedAtMs, sourceAeTitle, calledAeTitle };
      } catch (error) {
        throw diskError(error);
      }
    },
    discard: async () => {
      try {
        await close();
        if (file !== null) await rm(temporaryPath, { force: true });
      } catch {
        // A file that could not be removed is removed at the next start.
      }
    },
  };
}

/** The header, after checking that the object matches the command and has all the pixels it declares. */
async function checkedHeader(
  beginning: Buffer,
  readAt: ReadAt,
  fileBytes: number,
  facts: IncomingFacts,
  only: OnlyOf | undefined,
): Promise<InstanceHeader> {
  const elements = parseHeaderElements(beginning, fileBytes);
  const header = headerOf(elements);
  if (header.sopClassUid !== facts.sopClassUid || header.sopInstanceUid !== facts.sopInstanceUid)
    throw new TriageError('dicom-mismatch', 'The data set is of another SOP class or instance than the command says.');
  const other = only === undefined ? null : notOf(header, only);
  if (other !== null) throw new TriageError('dicom-mismatch', other);
  await checkPixelData(elements, readAt, fileBytes);
  return header;
}

/** Turns an error of the disk into a failure that the sender can act on. */
export function diskError(error: unknown): TriageError {
  if (error instanceof TriageError) return error;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined) return new TriageError('dicom-unreadable', 'The data set cannot be read.', { cause: error });
  if (isDiskFull(error))
    return new TriageError('spool-full', 'The disk of the spool is full.', { cause: error, context: { code } });
  return new TriageError('spool-write-failed', `The object cannot be written (${code}).`, {
    cause: error,
    context: { code },
  });
}
