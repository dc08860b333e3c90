import { expect, it } from 'vitest';
import type { KeySlice } from '../../../src/case/case.ts';
import { keySlicePicture } from '../../../src/report/keySlicePicture.ts';

const ROWS = 680;
const COLUMNS = 748;

/** A key slice without any response, so that only greys and captions are drawn. */
function silent(rows: number, columns: number): KeySlice {
  const crop = { top: 0, left: 0, bottom: rows, right: columns, rows, columns };
  return {
    sopInstanceUid: '2.25.7',
    sliceIndex: 3,
    score: 0.6,
    cam: [0, 0, 0, 0, 0, 0],
    camRows: 2,
    camColumns: 3,
    crop: { ...crop, transpose: false, flipRows: false, flipColumns: false, fullFrame: true },
  };
}

// W 1800, C 500: -400 HU is black, 1400 HU is white, one grey is 7.06 HU.
const GREYS = [
  [-1024, 0],
  [-400, 0],
  [-396.5, 0],
  [-396, 1],
  [40, 62],
  [500, 128],
  [501, 128],
  [1390, 254],
  [1400, 255],
  [3071, 255],
] as const;

/** Air everywhere, but for the values above in row 300, each between 650 and 200 HU. */
const blank = (() => {
  const hu = new Float32Array(ROWS * COLUMNS).fill(-1000);
  hu.set(
    GREYS.flatMap(([value]) => [650, value, 200]),
    300 * COLUMNS + 100,
  );
  const { rgb } = keySlicePicture({ hu, rows: ROWS, columns: COLUMNS }, silent(ROWS, COLUMNS));
  return (row: number, column: number) => [
    ...rgb.subarray((row * COLUMNS + column) * 3, (row * COLUMNS + column) * 3 + 3),
  ];
})();
const isDrawn = (row: number, column: number): boolean => blank(row, column).some((value) => value > 0);
const span = (places: readonly number[]): [number, number] => [Math.min(...places), Math.max(...places)];
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

it.each(GREYS.map(([hu, grey], at) => [hu, grey, at] as const))(
  '%d HU is grey %d in the bone window',
  (_, grey, at) => {
    const from = 100 + 3 * at;
    // (650 + 400) / 1800 * 255 = 148.75; (200 + 400) / 1800 * 255 = 85.
    expect([0, 1, 2].map((offset) => blank(300, from + offset))).toEqual(
      [149, grey, 85].map((value) => [value, value, value]),
    );
  },
);

it('the response lies over the slice where it was found, and nowhere else', () => {
  const [rows, columns] = [80, 90];
  const crop = { ...silent(rows, columns).crop, top: 30, left: 20, bottom: 50, right: 40 };
  // The hottest of four cells is the upper right one, its middle at row 35 and column 35.
  const keySlice = { ...silent(rows, columns), cam: [0, 3, 0, 0], camRows: 2, camColumns: 2, crop };
  const { rgb } = keySlicePicture({ hu: new Float32Array(rows * columns).fill(500), rows, columns }, keySlice);
  const at = (row: number, column: number) => [
    ...rgb.subarray((row * columns + column) * 3, (row * columns + column) * 3 + 3),
  ];
  // 65 % of grey 128 and 35 % of inferno's brightest, (252, 255, 164).
  expect(at(32, 38)).toEqual([171, 172, 141]);
  // From the first pixel on, under the band of the warning.
  expect(at(0, 0)).toEqual(at(0, 1));
  expect(Math.min(...at(0, 0))).toBeGreaterThan(30);
  // The contour reaches a pixel beyond the field.
  expect([at(32, 40), at(29, 38)]).toEqual([
    [252, 165, 10],
    [252, 165, 10],
  ]);
  expect([at(48, 22), at(32, 41), at(28, 38)]).toEqual([128, 128, 128].map(() => [128, 128, 128]));
});

it('the legend stands at the right margin from 35 to 65 % of the height, strong above and weak below', () => {
  // Text of 20 px; a border of 1 px lies half outside.
  expect(span(numbers(600, 747).filter((column) => isDrawn(340, column)))).toEqual([719, 732]);
  expect(span(numbers(234, 446).filter((row) => isDrawn(row, 726)))).toEqual([237, 442]);
  const [top, bottom] = [blank(241, 726), blank(438, 726)];
  expect(top[0]).toBeGreaterThan(240);
  expect(Math.max(...bottom)).toBeLessThan(30);
  const wordRows = (from: number, to: number) =>
    span(numbers(from, to).filter((row) => numbers(600, 731).some((column) => isDrawn(row, column))));
  // Baselines 10 px above and 20 px below the legend; the g of "strong" goes below its line, "weak" has nothing that does.
  expect(wordRows(200, 236)[1]).toBe(231);
  expect(wordRows(444, 480)[1]).toBe(462);
  const wordColumns = numbers(600, 747).filter((column) => numbers(446, 480).some((row) => isDrawn(row, column)));
  expect(span(wordColumns)[1]).toBe(731);
});

it('the bands of warning and caption are as high as their text asks', () => {
  expect(span(numbers(0, 150).filter((row) => isDrawn(row, 2)))).toEqual([0, 35]);
  expect(span(numbers(500, 679).filter((row) => isDrawn(row, 2)))).toEqual([643, 679]);
});

it('the warning is bold and centred', () => {
  const [left, right] = span(
    numbers(0, 747).filter((column) => numbers(0, 35).some((row) => blank(row, column)[0]! > 100)),
  );
  // Pillow: 298 px in DejaVu Sans Bold at 20 px, 269 px in the regular one.
  expect(right - left).toBeGreaterThan(290);
  expect(Math.abs(right + left - 747)).toBeLessThan(4);
});

it('the warning stands on its line', () => {
  // Baseline at 1.3 x 20 px; capitals of DejaVu Sans Bold are 0.729 em high.
  const rows = numbers(0, 35).filter((row) => numbers(0, 747).some((column) => blank(row, column)[0]! > 128));
  expect(span(rows)).toEqual([11, 25]);
});

it('the caption stands in its band, whole and not bold', () => {
  const isLit = (row: number, column: number): boolean => blank(row, column)[0]! > 128;
  // Baseline 23 px below the upper edge of the band at 643; ascenders of DejaVu Sans are 0.76 em high, the p goes 0.21 em below.
  const rows = numbers(600, 679).filter((row) => numbers(0, 700).some((column) => isLit(row, column)));
  expect(span(rows)).toEqual([651, 669]);
  const [left, right] = span(numbers(0, 747).filter((column) => numbers(643, 679).some((row) => isLit(row, column))));
  // Pillow: 518 px in DejaVu Sans at 20 px, 587 px in the bold one.
  expect(right - left).toBeGreaterThan(505);
  expect(right - left).toBeLessThan(525);
  expect(Math.abs(right + left - 747)).toBeLessThan(4);
});

// Text of 9 px, 5 px from either edge: fifty characters of 0.58 em need 261 px.
it.each([
  [273, 17],
  [270, 29],
])('the caption of a picture %d px wide needs a band of %d px', (columns, height) => {
  const { rgb } = keySlicePicture(
    { hu: new Float32Array(300 * columns).fill(-1000), rows: 300, columns },
    silent(300, columns),
  );
  const drawn = numbers(150, 299).filter((row) => rgb[(row * columns + 1) * 3 + 2]! > 0);
  expect(span(drawn)).toEqual([300 - height, 299]);
  // The last line stands 6 px above the lower edge, whether it is the first (baseline at 293.35) or the second (at 293.5).
  const isLit = (row: number) => numbers(20, 200).some((column) => rgb[(row * columns + column) * 3]! > 128);
  expect([isLit(292), isLit(298)]).toEqual([true, false]);
});

it('text is never smaller than 9 px', () => {
  const { rgb } = keySlicePicture(
    { hu: new Float32Array(200 * 240).fill(-1000), rows: 200, columns: 240 },
    silent(200, 240),
  );
  // The band of the warning: 1.8 x 9 px.
  expect([15, 16].map((row) => rgb[(row * 240 + 1) * 3 + 2]! > 0)).toEqual([true, false]);
});

it.each([
  ['rows', 6, 4, 5, 4, 24],
  ['columns', 6, 4, 6, 5, 24],
  ['pixels', 6, 4, 6, 4, 23],
])('a slice with other %s than its heatmap is refused', (_, rows, columns, cropRows, cropColumns, pixels) => {
  const source = { hu: new Float32Array(pixels), rows, columns };
  expect(() => keySlicePicture(source, silent(cropRows, cropColumns))).toThrow(/^The slice is 6 x 4, its heatmap/);
});
