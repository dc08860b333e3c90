import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { StoredInstance } from '../case/case.ts';
import { datasetOffset, readHeader } from '../dicom/header.ts';
import { messageOf, TriageError } from '../base/errors.ts';

/** A file that is not a readable DICOM object. */
export interface UnreadFile {
  file: string;
  reason: string;
}

/** Reads the headers of every file below a folder, as if they had been received. Paths are relative to it. @throws TriageError `not-found` */
export async function readStudyFolder(
  folder: string,
  receivedAtMs: number,
): Promise<{ instances: StoredInstance[]; unread: UnreadFile[] }> {
  const found = await stat(folder).catch(() => null);
  if (found === null || !found.isDirectory()) throw new TriageError('not-found', `${folder} is not a folder.`);
  const instances: StoredInstance[] = [];
  const unread: UnreadFile[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const file = relative(folder, path);
    try {
      const bytes = await readFile(path);
      if (bytes.length === 0) throw new TriageError('dicom-unreadable', 'The file is empty.');
      instances.push({
        header: readHeader(bytes),
        path: file,
        sha256: createHash('sha256')
          .update(bytes.subarray(datasetOffset(bytes)))
          .digest('hex'),
        sizeBytes: bytes.length,
        receivedAtMs,
        sourceAeTitle: '',
      });
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      unread.push({ file, reason: messageOf(error) });
    }
  }
  return { instances, unread };
}
