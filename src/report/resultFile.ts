import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, syncFolder, writeSynced } from '../base/durably.ts';
import { TriageError } from '../base/errors.ts';
import type { ResultObject } from '../case/delivery.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';

/**
 * Writes a result as a file under `resultsDir`, in the folder of its study. Afterwards the file is there completely, even after a power cut, or not at all.
 * @throws TriageError `report-failed` when the folder cannot be written to
 */
export async function writeResultFile(
  resultsDir: string,
  identity: Pick<ResultObject, 'kind' | 'sopClassUid' | 'sopInstanceUid' | 'seriesInstanceUid' | 'studyInstanceUid'>,
  pieces: readonly Uint8Array[],
): Promise<ResultObject> {
  const folder = createHash('sha256').update(identity.studyInstanceUid).digest('hex').slice(0, 32);
  const path = join(resultsDir, folder, `${identity.sopInstanceUid}.dcm`);
  await writeDurably(path, pieces).catch((error: unknown) => {
    throw new TriageError(
      'report-failed',
      `The folder of results cannot be written to (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). Look at its disk and rights.`,
      { cause: error },
    );
  });
  return {
    ...identity,
    transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
    path,
    sha256: digestOf(pieces),
    sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
  };
}

/** SHA-256 of pieces that follow one another, in hex. */
export function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

async function writeDurably(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder);
  const temporary = `${path}.part`;
  await writeSynced(temporary, pieces, 'w');
  await rename(temporary, path);
  await syncFolder(folder);
}
