import { open, readFile } from 'node:fs/promises';
import { beginningOf } from '../base/readBeginning.ts';
import { MAX_HEADER_BYTES, parseElements, type Elements } from '../dicom/elements.ts';
import { readElementTree, writeElementTree } from '../dicom/elementTree.ts';
import { readFileMetaInformation } from '../dicom/fileMetaReader.ts';
import { inLatin1 } from '../dicom/latin1.ts';
import { isReadableUid } from '../dicom/uids.ts';
import { TriageError } from '../base/errors.ts';
import type { DataSetSource } from './dimseAssociation.ts';

const SOP_CLASS_UID = 0x00080016;
const SOP_INSTANCE_UID = 0x00080018;
const STUDY_INSTANCE_UID = 0x0020000d;
/** Enough for nearly every header; more is read only where it is not. */
const FIRST_READ_BYTES = 256 * 1024;

/** Character sets in which results can be sent. */
export type CharacterSet = 'ISO_IR 192' | 'ISO_IR 100';

/** What must be known about a Part 10 file to send it. */
export interface Part10File {
  path: string;
  sopClassUid: string;
  sopInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  /** First byte of the data set. */
  datasetOffset: number;
  sizeBytes: number;
}

/** Reads the header of the file at `path`. @throws TriageError `dicom-unreadable`, `dicom-mismatch` */
export async function inspectPart10(path: string): Promise<Part10File> {
  const { elements, sizeBytes } = await readHead(path);
  const sopClassUid = elements.string(SOP_CLASS_UID) ?? '';
  const sopInstanceUid = elements.string(SOP_INSTANCE_UID) ?? '';
  if (!isReadableUid(sopClassUid) || !isReadableUid(sopInstanceUid))
    throw new TriageError('dicom-mismatch', 'The file has no valid SOPClassUID and SOPInstanceUID.');
  return {
    path,
    sopClassUid,
    sopInstanceUid,
    studyInstanceUid: elements.string(STUDY_INSTANCE_UID) ?? '',
    transferSyntaxUid: elements.transferSyntaxUid,
    datasetOffset: elements.datasetOffset,
    sizeBytes,
  };
}

async function readHead(path: string): Promise<{ elements: Elements; sizeBytes: number }> {
  const handle = await opened(path);
  try {
    const { size } = await handle.stat();
    const head = async (bytes: number): Promise<Elements> => {
      const beginning = await beginningOf(handle, Math.min(size, bytes));
      return parseElements(beginning, { stopBeforePixelData: true, fileBytes: size });
    };
    try {
      return { elements: await head(FIRST_READ_BYTES), sizeBytes: size };
    } catch (error) {
      if (size <= FIRST_READ_BYTES) throw error;
      return { elements: await head(MAX_HEADER_BYTES + FIRST_READ_BYTES), sizeBytes: size };
    }
  } catch (error) {
    if (error instanceof TriageError) throw error;
    throw new TriageError('dicom-unreadable', `The file cannot be read (${errorCode(error)}).`, { cause: error });
  } finally {
    await handle.close();
  }
}

/** The data set of the file as it is on disk, byte for byte, in pieces of even length. Errors are TriageErrors `dicom-unreadable`. */
export function dataSetOf(file: Part10File): DataSetSource {
  return {
    lengthBytes: file.sizeBytes - file.datasetOffset,
    async *pieces(pieceBytes) {
      const handle = await opened(file.path);
      try {
        for (let position = file.datasetOffset; position < file.sizeBytes;) {
          // Each piece needs its own buffer: the socket keeps it until it is sent.
          const piece = Buffer.allocUnsafe(Math.min(pieceBytes, file.sizeBytes - position));
          for (let filled = 0; filled < piece.length;) {
            const { bytesRead } = await handle.read(piece, filled, piece.length - filled, position + filled);
            if (bytesRead === 0)
              throw new TriageError('dicom-unreadable', 'The file became shorter while it was sent.');
            filled += bytesRead;
          }
          position += piece.length;
          yield piece;
        }
      } catch (error) {
        if (error instanceof TriageError) throw error;
        throw new TriageError('dicom-unreadable', `The file cannot be read (${errorCode(error)}).`, { cause: error });
      } finally {
        await handle.close();
      }
    },
  };
}

/**
 * The data set of a file of ours as it goes out where it does not go as it is on disk: in Implicit VR Little Endian, which every peer must take (PS3.5 10.1), or
 * in ISO_IR 100. Only of a file in Explicit VR Little Endian.
 * @throws TriageError `dicom-unreadable`
 */
export async function rewrittenDataSetOf(
  file: Part10File,
  { encoding, characterSet }: { encoding: 'explicit' | 'implicit'; characterSet: CharacterSet },
): Promise<DataSetSource> {
  const bytes = await readFile(file.path).catch((error: unknown) => {
    throw new TriageError('dicom-unreadable', `The file cannot be read (${errorCode(error)}).`, { cause: error });
  });
  const dataSet = readElementTree(bytes.subarray(file.datasetOffset));
  return dataSetInMemory(
    writeElementTree(characterSet === 'ISO_IR 100' ? inLatin1(dataSet).dataSet : dataSet, encoding),
  );
}

/** A Part 10 file of ours with its text in ISO_IR 100. @throws TriageError `dicom-unreadable` */
export function latin1Part10(file: Buffer): Buffer {
  const offset = readFileMetaInformation(file).datasetOffset;
  const { dataSet } = inLatin1(readElementTree(file.subarray(offset)));
  return Buffer.concat([file.subarray(0, offset), writeElementTree(dataSet, 'explicit')]);
}

/** Whether text of a file of ours is lost in this character set. @throws TriageError `dicom-unreadable` */
export async function losesText(path: string, characterSet: CharacterSet): Promise<boolean> {
  if (characterSet !== 'ISO_IR 100') return false;
  const file = await readFile(path).catch((error: unknown) => {
    throw new TriageError('dicom-unreadable', `The file cannot be read (${errorCode(error)}).`, { cause: error });
  });
  return inLatin1(readElementTree(file.subarray(readFileMetaInformation(file).datasetOffset))).isLossy;
}

/** These bytes as a data set to send. */
export function dataSetInMemory(bytes: Buffer): DataSetSource {
  return {
    lengthBytes: bytes.length,
    // eslint-disable-next-line @typescript-eslint/require-await
    async *pieces(pieceBytes) {
      for (let position = 0; position < bytes.length; position += pieceBytes)
        yield bytes.subarray(position, position + pieceBytes);
    },
  };
}

async function opened(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new TriageError('dicom-unreadable', `The file cannot be opened (${errorCode(error)}).`, { cause: error });
  }
}

function errorCode(error: unknown): string {
  return (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined) ?? 'unknown error';
}
