import { expect, test } from 'vitest';
import { keyImage, keyImageElements, type KeyImageInput } from '../../../src/report/keyImage.ts';

const [ROWS, COLUMNS] = [200, 250];

/**
 * A slice of 100 x 100 mm in pixels that are not square, and 31 slices that are 2 mm apart, 62 mm with their halves. The halves of the picture are 460 x 414 pixels, so
 * that 100 mm are 414 of them: 4.14 a millimetre. The slice lies from (26, 23) to (440, 437), the sagittal, 257 high, from (104, 491) to (361, 905).
 */
function input(over: Partial<KeyImageInput> = {}): KeyImageInput {
  return {
    axial: { hu: new Float32Array(ROWS * COLUMNS).fill(-1000), rows: ROWS, columns: COLUMNS },
    pixelSpacingMm: [0.5, 0.4],
    point: { row: 120, column: 150 },
    sagittal: slicesOf((slice) => 50 * slice),
    stepMm: 2,
    name: 'series 3 image 41',
    marks: [{ positionMm: -20, levels: 'C5-C6' }],
    ...over,
  };
}

const slicesOf = (hu: (slice: number, sample: number) => number) =>
  Array.from({ length: 31 }, (_, slice) => ({
    line: Float32Array.from({ length: ROWS }, (__, sample) => hu(slice, sample)),
    positionMm: -2 * slice,
  }));

function pixelsOf(drawn: KeyImageInput): (row: number, column: number) => number[] {
  const { rgb, columns } = keyImage(drawn);
  return (row, column) => [...rgb.subarray((row * columns + column) * 3, (row * columns + column) * 3 + 3)];
}

const grey = (value: number): number[] => [value, value, value];

test('has one size, whatever the matrix', () => {
  const { rgb, rows, columns } = keyImage(input());
  expect([rows, columns, rgb.length]).toEqual([440, 928, 440 * 928 * 3]);
});

// (hu + 400) / 1800 x 255, the bone window.
test('the slice is drawn in millimetres: pixels that are not square come out square', () => {
  const hu = (row: number, column: number): number => 4 * row + 3 * column - 200;
  const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, at) => hu(Math.floor(at / COLUMNS), at % COLUMNS));
  const at = pixelsOf(input({ axial: { hu: values, rows: ROWS, columns: COLUMNS } }));
  // 100.5 / 4.14 = 24.275 mm across: column 60.19. 200.5 / 4.14 = 48.430 mm down: row 96.36. 385.4 + 180.6 - 200 = 366.0 HU.
  expect(at(26 + 200, 23 + 100)).toEqual(grey(109));
  // 300.5 / 4.14 = 72.585 mm: column 180.96, row 144.67. 578.7 + 542.9 - 200 = 921.6 HU.
  expect(at(26 + 300, 23 + 300)).toEqual(grey(187));
  // Outside of it there is nothing.
  expect([at(200, 22), at(200, 437)]).toEqual([grey(0), grey(0)]);
});

test('the sagittal is interpolated between slices, each of which reaches half a step beyond its position', () => {
  const at = pixelsOf(input());
  // The first slice lies 1 mm below the upper edge. 41.5 / 4.14 = 10.024 mm down: slice 4.512, 225.6 HU.
  expect(at(104 + 41, 700)).toEqual(grey(89));
  // 150.5 / 4.14 = 36.353 mm: slice 17.676, 883.8 HU.
  expect(at(104 + 150, 700)).toEqual(grey(182));
  // Half a step above the first and below the last: those two alone, 0 and 1500 HU.
  expect([at(104, 700), at(104 + 256, 700)]).toEqual([grey(57), grey(255)]);
  expect([at(103, 700), at(104 + 257, 700)]).toEqual([grey(0), grey(0)]);
});

test('the sagittal runs from front to back', () => {
  const at = pixelsOf(input({ sagittal: slicesOf((_, sample) => 5 * sample - 100) }));
  // 100.5 / 4.14 = 24.275 mm: sample 48.05, 140.2 HU. 300.5 / 4.14 = 72.585 mm: sample 144.67, 623.4 HU.
  expect([at(250, 491 + 100), at(250, 491 + 300)]).toEqual([grey(77), grey(145)]);
});

test('over a hole nothing is invented', () => {
  // Slices 14 to 17 are missing, from -28 to -34 mm.
  const at = pixelsOf(input({ sagittal: slicesOf(() => 500).filter((_, slice) => slice < 14 || slice > 17) }));
  const rowOf = (positionMm: number): number => 104 + Math.floor((1 - positionMm) * 4.14);
  expect([-26.8, -27.2, -31, -34.8, -35.2].map((mm) => at(rowOf(mm), 700)[0])).toEqual([128, 0, 0, 0, 128]);
});

test('both planes have one scale, also where the neck is longer than the slice is deep', () => {
  const tall = Array.from({ length: 119 }, (_, slice) => ({
    line: new Float32Array(ROWS).fill(500),
    positionMm: -2 * slice,
  }));
  const at = pixelsOf(
    input({ sagittal: tall, axial: { hu: new Float32Array(ROWS * COLUMNS).fill(500), rows: ROWS, columns: COLUMNS } }),
  );
  // 238 mm in 414 pixels: 100 mm are 174 pixels, of the slice and of the sagittal.
  const lit = (row: number, from: number): number =>
    Array.from({ length: 460 }, (_, column) => at(row, from + column)[0]!).filter((value) => value === 128).length;
  expect([lit(260, 0), lit(300, 468)]).toEqual([174, 174]);
});

test('a line on the sagittal shows where the slice lies, and marks on the slice where the sagittal lies', () => {
  const at = pixelsOf(input());
  // 21 mm below the edge: row 104 + 86.94 = 190.94, a line of 1.5 pixels.
  const isLine = (row: number): boolean => at(row, 700)[0]! - at(row, 700)[2]! > 40;
  expect([188, 189, 190, 191, 192].map(isLine)).toEqual([false, false, true, true, false]);
  // Column 150 of 0.4 mm, its middle at 60.2 mm: 23 + 249.2 = 272.2, in the upper and the lower sixth only.
  const isMark = (row: number, column: number): boolean => at(row, column)[2]! > 200 && at(row, column)[0]! < 160;
  expect([270, 271, 272, 274].map((column) => isMark(60, column))).toEqual([false, true, true, false]);
  expect([isMark(233, 272), isMark(420, 272)]).toEqual([false, true]);
});

test('the levels stand beside the line of the slice that the network named them on, where there is room', () => {
  const words = (marks: KeyImageInput['marks']): string[] =>
    [...keyImageElements(input({ marks })).matchAll(/y="([\d.]+)"[^>]*>([^<]+)<\/text>/g)].map(
      ([, y, text]) => `${text} ${y}`,
    );
  expect(words([{ positionMm: -20, levels: 'C5-C6' }])).toEqual([
    'Axial, series 3 image 41 18.0',
    'Sagittal through it 18.0',
    // 4 pixels above the line at 190.94.
    'C5-C6 186.9',
    'R 233.0',
    'L 233.0',
    'A 355.0',
    'P 355.0',
  ]);
  const named = (marks: KeyImageInput['marks']): string[] => words(marks).filter((word) => word.startsWith('C'));
  // 3 mm are 12 pixels, too few for a line of text; 10 mm are enough.
  const others = [
    { positionMm: -23, levels: 'C6' },
    { positionMm: -30, levels: 'C7' },
    { positionMm: -50, levels: '' },
  ];
  expect(named([{ positionMm: -20, levels: 'C5' }, ...others])).toEqual(['C5 186.9', 'C7 228.3']);
  expect(named([{ positionMm: -20, levels: '' }, ...others])).toEqual(['C6 199.4', 'C7 228.3']);
});

test('a name cannot draw: markup stays text', () => {
  expect(keyImageElements(input({ name: '</text><rect width="9999"/>' }))).not.toContain('<rect width="9999"');
});

test('everything over the planes stands in its place, in its colour', () => {
  const drawn = keyImageElements(
    input({
      marks: [
        { positionMm: -20, levels: 'C5' },
        { positionMm: -30, levels: 'C7' },
      ],
    }),
  );
  const of = (written: string, ...names: string[]): string =>
    names.flatMap((name) => new RegExp(` ${name}="([^"]*)"`).exec(written)?.[1] ?? []).join(' ');
  const layout = [...drawn.matchAll(/<(rect|text)([^>]*)>(?:([^<]*)<\/text>)?/g)].map(([, shape, written, words]) =>
    shape === 'rect'
      ? `rect ${of(written!, 'x', 'y', 'width', 'height', 'fill', 'fill-opacity')}`
      : `${of(written!, 'x', 'y', 'text-anchor', 'fill', 'font-weight')}: ${words}`,
  );
  expect(layout).toEqual([
    'rect 928 26 #0E1116',
    '230.0 18.0 middle #E6EAF0: Axial, series 3 image 41',
    '698.0 18.0 middle #E6EAF0: Sagittal through it',
    // The plane of the sagittal at 272, in the upper and the lower sixth of 414.
    'rect 271 26.0 2 69.0 #84C8FF',
    'rect 271 371.0 2 69.0 #84C8FF',
    // The slice 21 mm and the other one 31 mm below the edge at 104.
    'rect 491 190.19 414 1.5 #FDBF52 0.8',
    '901.0 186.9 end #FDBF52 bold: C5',
    '901.0 228.3 end #A3ADBA: C7',
    'rect 891 231.59 14 1.5 #A3ADBA',
    '27.0 233.0 start #E6EAF0: R',
    '433.0 233.0 end #E6EAF0: L',
    '495.0 355.0 start #E6EAF0: A',
    '901.0 355.0 end #E6EAF0: P',
  ]);
});
