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

// C: contour, t: tinted, by which of its four neighbours lie on the other side of half of the peak; beyond the edge of the picture nothing is.
test.each([
  [
    'in the upper left corner',
    [
      ['111...', 'CCCC..'],
      ['111...', 'CtCC..'],
      ['111...', 'CCCC..'],
      ['......', 'CCC...'],
      ['......', '......'],
    ],
  ],
  [
    'in the lower right corner',
    [
      ['......', '......'],
      ['......', '...CCC'],
      ['...111', '..CCCC'],
      ['...111', '..CCtC'],
      ['...111', '..CCCC'],
    ],
  ],
  [
    'along the whole edge',
    [
      ['111111', 'CCCCCC'],
      ['111111', 'CttttC'],
      ['111111', 'CttttC'],
      ['111111', 'CttttC'],
      ['111111', 'CCCCCC'],
    ],
  ],
  [
    'of one pixel',
    [
      ['......', '......'],
      ['......', '...C..'],
      ['...1..', '..CCC.'],
      ['......', '...C..'],
      ['......', '......'],
    ],
  ],
])('the contour of a response %s', (_, drawing) => {
  const [rows, columns] = [5, 6];
  const response = Float32Array.from(
    drawing.flatMap(([values]) => Array.from(values!)),
    (value) => (value === '1' ? 1 : 0),
  );
  // No two pixels and no two channels are alike.
  const before = Uint8Array.from({ length: rows * columns * 3 }, (__, at) => 10 + at);
  const rgb = before.slice();
  drawResponse(rgb, response, rows, columns);
  const colours: Record<string, (value: number, channel: number) => number> = {
    // Of 0.8: (252, 165, 10).
    C: (__, channel) => [252, 165, 10][channel]!,
    // A third and more of the brightest, (252, 255, 164).
    t: (value, channel) => Math.round(0.65 * value + 0.35 * [252, 255, 164][channel]!),
    '.': (value) => value,
  };
  expect([...rgb]).toEqual(
    [...before].map((value, at) => colours[drawing[Math.floor(at / 18)]![1]![Math.floor(at / 3) % 6]!]!(value, at % 3)),
  );
});

test('a response below half of the peak is tinted the less, the weaker it is', () => {
  const rgb = new Uint8Array(3 * 3).fill(200);
  drawResponse(rgb, Float32Array.of(0.3, 0.2, 0.1), 1, 3);
  // Inferno at three, two and one tenths; 10.5, 7 and 3.5 % of it.
  expect([...rgb]).toEqual(
    [
      [106, 23, 110],
      [66, 10, 104],
      [22, 11, 57],
    ].flatMap((colour, at) => colour.map((value) => Math.round(200 + 0.35 * [0.3, 0.2, 0.1][at]! * (value - 200)))),
  );
});
