import { expect, test } from 'vitest';
import type { SourceSlice } from '../../../src/case/triageModel.ts';
import { createSliceImages } from '../../../src/web/sliceImages.ts';
import type { VolumeSlice } from '../../../src/worklist/list/caseVolume.ts';

const AS_STORED = { transpose: false, flipRows: false, flipColumns: false };
const slice = (name: string, orientation = AS_STORED): VolumeSlice => ({
  sopInstanceUid: name,
  path: name,
  sha256: name,
  orientation,
});
const source = (values: number[], rows: number, columns: number): SourceSlice => ({
  hu: Float32Array.from(values),
  rows,
  columns,
});
const valuesOf = (bytes: Buffer) => Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2));

test.each([
  [AS_STORED, 2, 3, [1, 2, 3, 4, 5, 6]],
  [{ ...AS_STORED, flipRows: true }, 2, 3, [4, 5, 6, 1, 2, 3]],
  [{ ...AS_STORED, flipColumns: true }, 2, 3, [3, 2, 1, 6, 5, 4]],
  [{ ...AS_STORED, transpose: true }, 3, 2, [1, 4, 2, 5, 3, 6]],
  [{ transpose: true, flipRows: true, flipColumns: false }, 3, 2, [3, 6, 2, 5, 1, 4]],
])('a stored matrix of 2 x 3 under %o', async (orientation, rows, columns, values) => {
  const images = createSliceImages(() => Promise.resolve(source([1, 2, 3, 4, 5, 6], 2, 3)), 1_000);
  const image = await images.image(slice('a', orientation));
  expect([image.rows, image.columns, valuesOf(image.bytes)]).toEqual([rows, columns, values]);
});

test('values are rounded, and never wrap round', async () => {
  const images = createSliceImages(() => Promise.resolve(source([-40_000.5, 40_000, 1.5, -1.4], 1, 4)), 1_000);
  expect(valuesOf((await images.image(slice('a'))).bytes)).toEqual([-32_768, 32_767, 2, -1]);
});

test('decodes a slice once while it is kept, and keeps no more than it may', async () => {
  const decoded: string[] = [];
  const images = createSliceImages((path) => {
    decoded.push(path);
    return Promise.resolve(source([1, 2], 1, 2));
  }, 8);
  await Promise.all([images.image(slice('a')), images.image(slice('a'))]);
  await images.image(slice('b'));
  await images.image(slice('a'));
  await images.image(slice('c'));
  // "b" was unused for the longest and has gone; "a" is still there.
  await images.image(slice('a'));
  expect(decoded).toEqual(['a', 'b', 'c']);
  await images.image(slice('b'));
  expect(decoded).toEqual(['a', 'b', 'c', 'b']);
});

test('a failure is told, and not kept', async () => {
  let attempts = 0;
  const images = createSliceImages(() => {
    attempts += 1;
    return attempts === 1 ? Promise.reject(new Error('the child died')) : Promise.resolve(source([7], 1, 1));
  }, 100);
  await expect(images.image(slice('a'))).rejects.toThrow('the child died');
  expect(valuesOf((await images.image(slice('a'))).bytes)).toEqual([7]);
});

test('what a reader turns to next is ready, one at a time, and an older wish is dropped', async () => {
  const started: string[] = [];
  const finish = new Map<string, () => void>();
  const images = createSliceImages(
    (path) =>
      new Promise((resolve) => {
        started.push(path);
        finish.set(path, () => resolve(source([1], 1, 1)));
      }),
    1_000,
  );
  images.expect(['a', 'b'].map((name) => slice(name)));
  expect(started).toEqual(['a']);
  images.expect([slice('c')]);
  finish.get('a')!();
  await images.image(slice('a'));
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'c']);
});
