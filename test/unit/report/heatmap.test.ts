import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SliceCrop } from '../../../src/case/case.ts';
import { inferno } from '../../../src/case/responseColour.ts';
import { drawResponse, fieldOnSource, responseOnSource } from '../../../src/report/heatmap.ts';

/** Brings a stored matrix to the trained orientation step by step, as SliceCrop says: transpose, then flip rows, then flip columns. */
function oriented(stored: number[][], crop: SliceCrop): number[][] {
  let image = stored;
  if (crop.transpose) image = image[0]!.map((_, column) => image.map((row) => row[column]!));
  if (crop.flipRows) image = [...image].reverse();
  if (crop.flipColumns) image = image.map((row) => [...row].reverse());
  return image;
}

const crops = fc
  .record({
    rows: fc.integer({ min: 8, max: 40 }),
    columns: fc.integer({ min: 8, max: 40 }),
    transpose: fc.boolean(),
    flipRows: fc.boolean(),
    flipColumns: fc.boolean(),
  })
  .chain((shape) => {
    const [height, width] = shape.transpose ? [shape.columns, shape.rows] : [shape.rows, shape.columns];
    return fc
      .record({
        top: fc.integer({ min: 0, max: height - 4 }),
        left: fc.integer({ min: 0, max: width - 4 }),
        high: fc.integer({ min: 4, max: 40 }),
        wide: fc.integer({ min: 4, max: 40 }),
      })
      .map(({ top, left, high, wide }): SliceCrop => ({
        ...shape,
        top,
        left,
        bottom: Math.min(height, top + high),
        right: Math.min(width, left + wide),
        fullFrame: false,
      }));
  });

test('in each of the eight orientations the hottest cell lands on its pixels, and nothing lands outside the field', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(crops, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), (crop, hotRow, hotColumn) => {
      seen.add([crop.transpose, crop.flipRows, crop.flipColumns].join());
      const cam = Array.from({ length: 16 }, (_, cell) => (cell === hotRow * 4 + hotColumn ? 5 : 0));
      const response = responseOnSource(cam, 4, 4, crop);
      const stored = Array.from({ length: crop.rows }, (_, row) =>
        Array.from(response.subarray(row * crop.columns, (row + 1) * crop.columns)),
      );
      const image = oriented(stored, crop);
      const cellHeight = (crop.bottom - crop.top) / 4;
      const cellWidth = (crop.right - crop.left) / 4;
      const misplaced = image.flatMap((row, y) =>
        row.flatMap((value, x) => {
          const inField = y >= crop.top && y < crop.bottom && x >= crop.left && x < crop.right;
          const rowsAway = Math.abs(y + 0.5 - crop.top - (hotRow + 0.5) * cellHeight) / cellHeight;
          const columnsAway = Math.abs(x + 0.5 - crop.left - (hotColumn + 0.5) * cellWidth) / cellWidth;
          // A pixel in the middle of the hot cell is at the peak; one a whole cell away, or outside the field, knows nothing of it.
          const [least, most] =
            !inField || rowsAway >= 1.01 || columnsAway >= 1.01
              ? [0, 0]
              : rowsAway <= 0.01 && columnsAway <= 0.01
                ? [0.97, 1]
                : [0, 1];
          return value >= least && value <= most ? [] : [{ y, x, value }];
        }),
      );
      expect(misplaced).toEqual([]);
      const peak = image.flat().reduce((best, value, at, all) => (value > all[best]! ? at : best), 0);
      const [peakRow, peakColumn] = [Math.floor(peak / image[0]!.length), peak % image[0]!.length];
      expect(Math.floor((peakRow + 0.5 - crop.top) / cellHeight)).toBe(hotRow);
      expect(Math.floor((peakColumn + 0.5 - crop.left) / cellWidth)).toBe(hotColumn);
    }),
    { numRuns: 200 },
  );
  expect(seen.size).toBe(8);
});

test('the analysed field as a rectangle covers exactly the pixels that a uniform response colours', () => {
  fc.assert(
    fc.property(crops, (crop) => {
      const response = responseOnSource(new Float32Array(9).fill(1), 3, 3, crop);
      const box = fieldOnSource(crop);
      const expected = Array.from(response, (_, at) => {
        const [row, column] = [Math.floor(at / crop.columns), at % crop.columns];
        return row >= box.top && row < box.bottom && column >= box.left && column < box.right;
      });
      expect(Array.from(response, (value) => value > 0.99)).toEqual(expected);
    }),
  );
});

const FULL: SliceCrop = {
  top: 0,
  left: 0,
  bottom: 40,
  right: 40,
  transpose: false,
  flipRows: false,
  flipColumns: false,
  rows: 40,
  columns: 40,
  fullFrame: true,
};

test('between cells the response is bilinear', () => {
  const response = responseOnSource([0, 1], 1, 2, FULL);
  // Cell centres lie at columns 10 and 30; the pixel centre of column 19 is at 19.5.
  expect(response[19]).toBeCloseTo((19.5 - 10) / 20, 6);
  expect(response[0]).toBe(0);
  expect(response[39]).toBe(1);
});

test('a map without any response colours nothing, and a map of another size is refused', () => {
  const rgb = new Uint8Array(40 * 40 * 3).fill(90);
  drawResponse(rgb, responseOnSource(new Float32Array(16), 4, 4, FULL), 40, 40);
  expect(new Set(rgb)).toEqual(new Set([90]));
  expect(() => responseOnSource([1, 2, 3], 2, 2, FULL)).toThrow(expect.objectContaining({ code: 'report-failed' }));
});

test('the tint stays at 35 % and the contour at half of the peak is two pixels wide', () => {
  const response = new Float32Array(40 * 40);
  for (let row = 10; row < 30; row++) for (let column = 10; column < 30; column++) response[row * 40 + column] = 1;
  const rgb = new Uint8Array(40 * 40 * 3).fill(100);
  drawResponse(rgb, response, 40, 40);
  const at = (row: number, column: number): number[] =>
    Array.from(rgb.subarray((row * 40 + column) * 3, (row * 40 + column) * 3 + 3));
  expect(at(20, 20)).toEqual(inferno(1).map((channel) => Math.round(100 * 0.65 + channel * 0.35)));
  const contour = [...inferno(0.8)];
  const onRow = Array.from({ length: 40 }, (_, column) => column).filter(
    (column) => at(20, column).join() === contour.join(),
  );
  expect(onRow).toEqual([9, 10, 29, 30]);
  expect(at(20, 5)).toEqual([100, 100, 100]);
});
