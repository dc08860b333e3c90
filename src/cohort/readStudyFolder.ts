import { createHash } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { relative } from 'node:path';
import { TriageError } from '../base/errors.ts';
import { beginningOf } from '../base/readBeginning.ts';
import { fileErrorWords, listFiles, type UnreadFile } from '../base/listFiles.ts';
import type { StoredInstance } from '../case/case.ts';
import { MAX_HEADER_BYTES } from '../dicom/elements.ts';
import { withoutSameImages } from './sameImages.ts';
import { datasetOffset, readFileHeader } from '../dicom/header.ts';
import { readVolumeHeader } from '../dicom/mergedVolume.ts';

/** Enough for nearly every header; more is read only where needed. */
const FIRST_READ_BYTES = 256 * 1024;
const LONGEST_READ_BYTES = MAX_HEADER_BYTES + FIRST_READ_BYTES;
const MEBIBYTE = 2 ** 20;

/**
 * Reads the headers of every file below a folder, as if the objects had been received. Paths are relative to it. Links are followed; a file or folder that
 * cannot be read is named in `unread`, with the reason, and the rest is processed. Files with the same image in other bytes count once. Of a file that is not a DICOM object, or larger than `maxObjectBytes`
 * (which the receiver refuses too), only the beginning is read.
 *
 * `volumes`: only these files, which are known to be CT images whatever class a converter gave them ({@link readVolumeHeader}).
 *
 * @throws TriageError `not-found`
 */
export async function readStudyFolder(
  folder: string,
  reading: { receivedAtMs: number; maxObjectBytes: number; volumes?: readonly string[] },
): Promise<{ instances: StoredInstance[]; unread: UnreadFile[] }> {
  const { receivedAtMs, maxObjectBytes, volumes } = reading;
  const found = await stat(folder).catch(() => null);
  if (found === null || !found.isDirectory()) throw new TriageError('not-found', `${folder} is not a folder.`);
  const { files, unread }: { files: readonly string[]; unread: UnreadFile[] } =
    volumes === undefined ? await listFiles(folder) : { files: volumes, unread: [] };
  const header = volumes === undefined ? readFileHeader : readVolumeHeader;
  const instances: StoredInstance[] = [];
  for (const path of files) {
    const file = relative(folder, path);
    try {
      instances.push({
        ...(await readInstance(path, maxObjectBytes, header)),
        path: file,
        receivedAtMs,
        sourceAeTitle: '',
      });
    } catch (error) {
      unread.push({ file, reason: error instanceof TriageError ? error.message : fileErrorWords(error) });
    }
  }
  return {
    instances: await withoutSameImages(folder, instances),
    unread: unread.sort((a, b) => (a.file < b.file ? -1 : 1)),
  };
}

async function readInstance(
  path: string,
  maxObjectBytes: number,
  headerOf: typeof readFileHeader,
): Promise<Pick<StoredInstance, 'header' | 'sha256' | 'sizeBytes'>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { header, start } = await readBeginning(file, size, headerOf);
    if (size > maxObjectBytes)
      throw new TriageError(
        'object-too-large',
        `${Math.ceil(size / MEBIBYTE)} MiB, more than receive.maxObjectBytes (${Math.floor(maxObjectBytes / MEBIBYTE)} MiB)`,
      );
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ start, autoClose: false })) hash.update(chunk as Buffer);
    return { header, sha256: hash.digest('hex'), sizeBytes: size };
  } finally {
    await file.close();
  }
}

async function readBeginning(file: FileHandle, size: number, headerOf: typeof readFileHeader) {
  const facts = async (bytes: number) => {
    const beginning = await beginningOf(file, Math.min(size, bytes));
    return { header: headerOf(beginning, size), start: datasetOffset(beginning) };
  };
  try {
    const first = await facts(FIRST_READ_BYTES);
    // The functional groups of a multi-frame object stand behind everything else that is read.
    return first.header.frameFault === undefined || size <= FIRST_READ_BYTES ? first : await facts(LONGEST_READ_BYTES);
  } catch (error) {
    // Whether the header is long or broken is known only when all of it has been read. A file that is not DICOM is not worth that.
    const signature = size <= FIRST_READ_BYTES ? null : await beginningOf(file, 132);
    if (signature?.toString('latin1', 128) !== 'DICM') throw error;
    return facts(LONGEST_READ_BYTES);
  }
}
