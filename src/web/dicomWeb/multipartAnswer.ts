import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FilePlace } from '../../dicom/pixelFrames.ts';
import { newSecret } from '../../worklist/people/secrets.ts';

/** One part of an answer: bytes of a file. */
export interface FilePart {
  contentType: string;
  path: string;
  places: readonly FilePlace[];
}

/** Sends parts of files as one multipart/related answer (RFC 2387), as fast as the client reads. A file that cannot be read to its end breaks the connection. */
export async function sendParts(response: ServerResponse, partType: string, parts: readonly FilePart[]): Promise<void> {
  // Chance keeps it from occurring in the bytes of a file.
  const boundary = `odontoid-${newSecret()}`;
  const heads = parts.map(({ contentType, places }) => {
    const length = bytesIn(places);
    return Buffer.from(`\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Length: ${length}\r\n\r\n`);
  });
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const total = parts.reduce((sum, { places }, index) => sum + heads[index]!.length + bytesIn(places), tail.length);
  response.setHeader('Content-Type', `multipart/related; type="${partType}"; boundary="${boundary}"`);
  response.setHeader('Content-Length', total);
  await pipeline(async function* () {
    for (const [index, part] of parts.entries()) {
      yield heads[index]!;
      yield* bytesOf(part);
    }
    yield tail;
  }, response).catch(() => response.destroy());
}

/** Sends bytes of a file as they are. */
export async function sendBytes(response: ServerResponse, part: FilePart): Promise<void> {
  response.setHeader('Content-Type', part.contentType);
  response.setHeader('Content-Length', bytesIn(part.places));
  await pipeline(() => bytesOf(part), response).catch(() => response.destroy());
}

async function* bytesOf({ path, places }: FilePart): AsyncGenerator<Buffer> {
  for (const { offset, length } of places)
    if (length > 0) yield* createReadStream(path, { start: offset, end: offset + length - 1 }) as AsyncIterable<Buffer>;
}

const bytesIn = (places: readonly FilePlace[]): number => places.reduce((sum, { length }) => sum + length, 0);
