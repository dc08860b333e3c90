import { deflateSync } from 'node:zlib';

/** Higher levels take several times as long for a few percent. */
const LEVEL = 3;

/**
 * Compresses planes of `columns` columns, `[...][row][column]`, for a shard: each row as its difference from the one above it (in the first row of a plane, from nothing), modulo 256, then
 * deflated. Neighbouring rows of CT differ little, so this takes a third of the bytes.
 */
export function deflatedPlanes(planes: Uint8Array, rows: number, columns: number): Buffer {
  const differences = planes.slice();
  for (let row = 0; row * columns < planes.length; row++) {
    if (row % rows === 0) continue;
    for (let i = row * columns; i < (row + 1) * columns; i++) differences[i] = planes[i]! - planes[i - columns]!;
  }
  return deflateSync(differences, { level: LEVEL });
}
