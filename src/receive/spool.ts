import { createHash } from 'node:crypto';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredInstance } from '../case/case.ts';
import { MAX_HEADER_BYTES, parseHeaderElements } from '../dicom/elements.ts';
import { headerOf } from '../dicom/header.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { createHeaderReads, type HeaderReads } from './headerReads.ts';
import { beginObject, diskError, type IncomingFacts, type IncomingObject, type OnlyOf } from './incomingObject.ts';
import { nodeMark, openSpoolFolders } from './spoolFolders.ts';

export interface Spool {
  /** `only`: of what the object may be. @throws TriageError `dicom-mismatch` for invalid UIDs, `spool-full` below the low-water mark */
  begin(facts: IncomingFacts, only?: OnlyOf): Promise<IncomingObject>;
  /** Reads an object that is already in the spool. @throws TriageError `dicom-unreadable`, `dicom-mismatch`, `not-found` */
  describe(path: string): Promise<StoredInstance>;
}

const OBJECT_PATH =
  /^objects\/[0-9a-f]{16}\/[0-9.]{1,64}\.([0-9a-f]{16})(?:\.[0-9a-z]+-[0-9a-z]+(?:-([0-9a-f]{8}))?)?\.dcm$/;

/**
 * The folder of received objects: `objects/<digest of the study UID>/<SOP instance UID>.<digest of the data set>.<start>-<count>.dcm`, both digests the first 16
 * hex digits of SHA-256; where several nodes receive into one spool, `-<node>` stands behind the count. A name is used once: an object that comes again gets its own file, and the worklist says which of them is needed. A deletion
 * decided on earlier can therefore never remove a file that has just been acknowledged.
 */
export async function openSpool(options: {
  dir: string;
  minFreeBytes: number;
  maxObjectBytes: number;
  clock: Clock;
  /** Name of this node where several receive into the spool. */
  node?: string | undefined;
}): Promise<Spool> {
  const { dir, clock, maxObjectBytes } = options;
  const folders = await openSpoolFolders(dir, options);
  const headerReads = createHeaderReads();
  const space = { folders, headerReads, maxObjectBytes, stagingPool: [], clock };
  return {
    begin: async (facts, only) => {
      const object = beginObject(space, facts, only);
      try {
        await folders.checkFreeBytes();
        return object;
      } catch (error) {
        await object.discard();
        throw diskError(error);
      }
    },
    describe: (path) => describeObject(dir, path, headerReads),
  };
}

async function describeObject(dir: string, path: string, headerReads: HeaderReads): Promise<StoredInstance> {
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
    const { header, datasetOffset, sourceAeTitle, calledAeTitle } = await headerReads.withBeginning(
      file,
      MAX_HEADER_BYTES,
      (beginning) => {
        const elements = parseHeaderElements(beginning, size);
        const { datasetOffset } = elements;
        return Promise.resolve({
          header: headerOf(elements),
          datasetOffset,
          sourceAeTitle: elements.string(0x00020016) ?? '',
          calledAeTitle: elements.string(0x00020018) ?? '',
        });
      },
    );
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ start: datasetOffset, autoClose: false }))
      hash.update(chunk as Buffer);
    const sha256 = hash.digest('hex');
    if (!sha256.startsWith(digest))
      throw new TriageError('dicom-unreadable', 'The bytes on disk are not those that were received.');
    return { header, path, sha256, sizeBytes: size, receivedAtMs: Math.round(mtimeMs), sourceAeTitle, calledAeTitle };
  } finally {
    await file.close();
  }
}

/** Whether a node has written this object. One that names no node is of the time when a spool had a single one, and so of whoever asks. */
export function isWrittenBy(node: string | undefined, path: string): boolean {
  const mark = OBJECT_PATH.exec(path)?.[2];
  return node === undefined || mark === undefined || mark === nodeMark(node);
}

/** Paths, relative to the spool, of the objects that `node` has written after `sinceMs`; without a node, of all. */
export async function listSpool(dir: string, sinceMs: number, node?: string): Promise<string[]> {
  const paths: string[] = [];
  for (const study of await readdir(join(dir, 'objects'))) {
    for (const name of await readdir(join(dir, 'objects', study)).catch(() => [])) {
      const path = `objects/${study}/${name}`;
      if (!OBJECT_PATH.test(path) || !isWrittenBy(node, path)) continue;
      const facts = await stat(join(dir, path)).catch(() => null);
      if (facts !== null && Math.max(facts.mtimeMs, facts.ctimeMs) >= sinceMs) paths.push(path);
    }
  }
  return paths;
}
