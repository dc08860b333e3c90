import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../base/durably.ts';
import { TriageError } from '../base/errors.ts';
import { isDiskFull } from '../base/installationFault.ts';
import { removeLeftovers } from '../infer/modelPackages.ts';
import type { UploadedFile } from '../web/modelAdministration.ts';

/** Beside the installed packages, so that a whole one is only moved; what begins with a dot is no package. */
const UPLOAD = '.upload-';

/** What an upload may take. */
export interface UploadLimits {
  /** Size of all files together. */
  mostBytes: number;
  /** Free space that the disk keeps: studies need it. */
  keepFreeBytes: number;
}

/**
 * Writes the files of a package, which come end to end in `body`, into a folder of their own, and makes them durable. The caller removes the folder unless it
 * moves it. What a process that ended in the middle has left is removed first, so there must be one upload at a time.
 *
 * @throws TriageError `object-too-large`, `model-refused` when the disk has no room, `command-invalid` when more or fewer bytes come than were announced
 */
export async function receivePackage(
  files: readonly UploadedFile[],
  body: AsyncIterable<Uint8Array>,
  installedDir: string,
  limits: UploadLimits,
): Promise<string> {
  await makeFolder(installedDir);
  await removeLeftovers(installedDir, UPLOAD);
  await refuseTooMuch(files, installedDir, limits);
  const folder = await mkdtemp(path.join(installedDir, UPLOAD));
  const pieces = body[Symbol.asyncIterator]();
  try {
    await writeFiles(files, pieces, folder);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // Who still sends hears the answer only at the end.
    for (;;) if ((await pieces.next().catch(() => ({ done: true }))).done === true) break;
    throw isDiskFull(error) ? noRoom(error) : error;
  }
}

async function refuseTooMuch(files: readonly UploadedFile[], folder: string, limits: UploadLimits): Promise<void> {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (sizeBytes > limits.mostBytes)
    throw new TriageError(
      'object-too-large',
      limits.mostBytes === 0
        ? 'Packages are installed on the command line here (web.modelUploadMaxBytes is 0): odontoid model install DIR'
        : `The package has ${sizeBytes} bytes, and web.modelUploadMaxBytes allows ${limits.mostBytes}. Install it on the command line: odontoid model install DIR`,
    );
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize - sizeBytes < limits.keepFreeBytes) throw noRoom();
}

async function writeFiles(
  files: readonly UploadedFile[],
  pieces: AsyncIterator<Uint8Array>,
  folder: string,
): Promise<void> {
  let piece: Uint8Array = new Uint8Array();
  const next = async (): Promise<boolean> => {
    const come = await pieces.next();
    piece = come.done === true ? new Uint8Array() : come.value;
    return come.done !== true;
  };
  for (const { name, sizeBytes } of files) {
    const file = await open(path.join(folder, name), 'wx');
    try {
      for (let left = sizeBytes; left > 0;) {
        if (piece.length === 0 && !(await next())) throw new TriageError('command-invalid', CUT_SHORT);
        const part = piece.subarray(0, left);
        await file.writeFile(part);
        left -= part.length;
        piece = piece.subarray(part.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
  if (piece.length > 0 || (await next()))
    throw new TriageError('command-invalid', 'More came than the sizes of the files. Nothing was installed.');
}

const CUT_SHORT = 'The upload ended before the files were whole. Nothing was installed; upload it again.';

const noRoom = (cause?: unknown): TriageError =>
  new TriageError(
    'model-refused',
    'The disk has no room for this package beside what studies need (receive.minFreeBytes). Nothing was installed.',
    { cause },
  );
