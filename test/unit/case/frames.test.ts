import { expect, test } from 'vitest';
import type { FrameTable } from '../../../src/case/case.ts';
import { headerOfImage, imageKey, imageReference, imagesOf, isSameImage } from '../../../src/case/frames.ts';
import { instanceOf } from '../assemble/syntheticStudy.ts';

const table = {
  kinds: [{ sliceThicknessMm: 1 }, { sliceThicknessMm: 2 }],
  kindOf: [1, 0, 1, 0, 1, 0],
  positionsMm: [11, 12, 13, 21, 22, 23, null, 32, 33, 41, null, 43, 51, 52, null, 61, 62, 63],
  acquired: { fromMs: Date.UTC(2026, 10, 29, 8, 15), afterMs: [250, 500, null, 750, 0, 1_000] },
} as FrameTable;
const object = instanceOf({ frames: table });
const single = instanceOf({});

test('each frame has its own number, kind, position and time', () => {
  expect(
    imagesOf(object).map(({ frameNumber, header }) => [
      frameNumber,
      header.sliceThicknessMm,
      header.imagePositionPatientMm,
      header.acquisitionDateTime,
    ]),
  ).toEqual([
    [1, 2, [11, 12, 13], '20261129081500.250'],
    [2, 1, [21, 22, 23], '20261129081500.500'],
    [3, 2, null, ''],
    [4, 1, null, '20261129081500.750'],
    [5, 2, null, '20261129081500.000'],
    [6, 1, [61, 62, 63], '20261129081501.000'],
  ]);
  expect(headerOfImage(object.header, 2).imagePositionPatientMm).toEqual([21, 22, 23]);
  expect(headerOfImage(object.header, undefined)).toBe(object.header);
});

test('the time of a frame keeps the offset from UTC that the object states', () => {
  const header = { ...object.header, timezoneOffsetFromUtc: '+0900' };
  expect(headerOfImage(header, 1).acquisitionDateTime).toBe('20261129081500.250+0900');
});

test('frames without a time of their own have that of the object', () => {
  const { acquisitionDateTime } = headerOfImage(
    { ...single.header, acquisitionDateTime: '20261129', frames: { ...table, acquired: null } },
    1,
  );
  expect(acquisitionDateTime).toBe('20261129');
});

test('an object with one image is that image', () => {
  expect(imagesOf(single)).toEqual([single]);
  expect(headerOfImage(single.header, 1)).toBe(single.header);
});

test('an image is named by its object and its frame', () => {
  const one = { sopInstanceUid: '1.2.1', frameNumber: 3 };
  expect(isSameImage(one, { ...one })).toBe(true);
  expect(isSameImage(one, { ...one, frameNumber: 4 })).toBe(false);
  expect(isSameImage(one, { ...one, sopInstanceUid: '1.2.2' })).toBe(false);
  expect(imageReference({ ...single, ...one })).toEqual({ sopInstanceUid: '1.2.1', frameNumber: 3 });
  expect(imageReference({ sopInstanceUid: '1.2.1' })).toEqual({ sopInstanceUid: '1.2.1' });
  expect(imageKey({ sha256: 'ab', frameNumber: 3 })).toBe('ab/3');
  expect(imageKey({ sha256: 'ab' })).toBe('ab');
});
