import type { KeySlice } from '../../case/case.ts';
import { CONTOUR_COLOUR_AT, CONTOUR_LEVEL, inferno, LARGEST_ALPHA } from '../../case/responseColour.ts';
import type { Slice } from './caseApi.ts';

export interface DisplayWindow {
  centerHu: number;
  widthHu: number;
}

/** The windows of the paper (2.1), in its order: keys 1 to 3. */
export const WINDOWS = [
  { centerHu: 80, widthHu: 300 },
  { centerHu: 500, widthHu: 1800 },
  { centerHu: 400, widthHu: 650 },
] as const satisfies readonly DisplayWindow[];

export function drawSlice(canvas: HTMLCanvasElement, { hu, rows, columns }: Slice, window: DisplayWindow): void {
  const { pixels, finish } = begin(canvas, columns, rows);
  const greys = greysOf(window);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = greys[hu[at]! + OFFSET]!;
  finish();
}

/** Front to back (`column`: sagittal) or right to left (`row`: coronal), superior first. Slices that have not loaded yet are black. */
export function drawReformat(
  canvas: HTMLCanvasElement,
  { slices, rows, columns }: ReformatVolume,
  plane: { column: number } | { row: number },
  window: DisplayWindow,
): void {
  const sagittal = 'column' in plane;
  const width = sagittal ? rows : columns;
  const line = Math.max(0, Math.min((sagittal ? columns : rows) - 1, Math.floor(sagittal ? plane.column : plane.row)));
  const { pixels, finish } = begin(canvas, width, slices.length);
  const greys = greysOf(window);
  const step = sagittal ? columns : 1;
  for (let slice = 0; slice < slices.length; slice += 1) {
    const hu = slices[slice];
    let from = sagittal ? line : line * columns;
    for (let at = slice * width; at < (slice + 1) * width; at += 1, from += step)
      pixels[at] = hu == null ? BLACK : greys[hu[from]! + OFFSET]!;
  }
  finish();
}

/** What reformats are drawn from: `[slice]`, superior first, null until it has loaded; each `[row][column]`. */
export interface ReformatVolume {
  slices: readonly (Int16Array | null)[];
  rows: number;
  columns: number;
}

/** Of int16, so that every value is a place in a table. */
const OFFSET = 32_768;
/** Opaque, in the byte order of a canvas on every machine with a browser. */
const BLACK = 0xff000000;
let table: { window: DisplayWindow; greys: Uint32Array } | null = null;

/** The pixel of each value, `[hu + OFFSET]`: one look-up instead of arithmetic for each pixel of each frame. */
function greysOf(window: DisplayWindow): Uint32Array {
  if (table !== null && table.window.centerHu === window.centerHu && table.window.widthHu === window.widthHu)
    return table.greys;
  const greys = new Uint32Array(2 * OFFSET);
  const darkest = window.centerHu - window.widthHu / 2;
  // The array rounds and clamps by itself.
  const grey = new Uint8ClampedArray(1);
  for (let at = 0; at < greys.length; at += 1) {
    grey[0] = ((at - OFFSET - darkest) * 255) / window.widthHu;
    greys[at] = BLACK + grey[0] * 0x010101;
  }
  table = { window, greys };
  return greys;
}

const buffers = new WeakMap<HTMLCanvasElement, ImageData>();

/** The pixels of a canvas of that size, to be filled; `finish` shows them. */
function begin(canvas: HTMLCanvasElement, width: number, height: number) {
  const context = sized(canvas, width, height);
  let image = buffers.get(canvas);
  if (image?.width !== width || image.height !== height) {
    image = context.createImageData(width, height);
    buffers.set(canvas, image);
  }
  const whole = image;
  return { pixels: new Uint32Array(whole.data.buffer), finish: () => context.putImageData(whole, 0, 0) };
}

/** The response of the network on this slice: a contour, and a tint of at most `fill`. Nothing is drawn for a slice without a map. */
export function drawResponse(
  canvas: HTMLCanvasElement,
  rows: number,
  columns: number,
  keySlice: Pick<KeySlice, 'cam' | 'camRows' | 'camColumns' | 'crop'> | undefined,
  fill: number,
): void {
  const context = sized(canvas, columns, rows);
  context.clearRect(0, 0, columns, rows);
  if (keySlice === undefined) return;
  const response = responseOn(rows, columns, keySlice);
  const image = context.createImageData(columns, rows);
  const inside = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < rows && column < columns && response[row * columns + column]! >= CONTOUR_LEVEL;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      const here = inside(row, column);
      // One pixel on either side of the edge gives a line two pixels wide.
      const edge =
        inside(row - 1, column) !== here ||
        inside(row + 1, column) !== here ||
        inside(row, column - 1) !== here ||
        inside(row, column + 1) !== here;
      const value = edge ? CONTOUR_COLOUR_AT : response[at]!;
      const alpha = edge ? 1 : Math.min(LARGEST_ALPHA, fill) * value;
      if (alpha === 0) continue;
      image.data.set([...inferno(value), Math.round(alpha * 255)], at * 4);
    }
  }
  context.putImageData(image, 0, 0);
}

/** Relative to the slice's own peak, bilinear between the centres of the map's cells, 0 outside the analysed field. */
function responseOn(
  rows: number,
  columns: number,
  { cam, camRows, camColumns, crop }: Pick<KeySlice, 'cam' | 'camRows' | 'camColumns' | 'crop'>,
): Float32Array {
  const response = new Float32Array(rows * columns);
  const peak = cam.reduce((most, value) => Math.max(most, value), 0);
  if (peak <= 0) return response;
  const cell = (pixel: number, from: number, to: number, cells: number) => {
    const place = Math.min(cells - 1, Math.max(0, ((pixel + 0.5 - from) / (to - from)) * cells - 0.5));
    const first = Math.floor(place);
    return { first, second: Math.min(cells - 1, first + 1), share: place - first };
  };
  for (let row = Math.max(0, crop.top); row < Math.min(rows, crop.bottom); row += 1) {
    const down = cell(row, crop.top, crop.bottom, camRows);
    for (let column = Math.max(0, crop.left); column < Math.min(columns, crop.right); column += 1) {
      const across = cell(column, crop.left, crop.right, camColumns);
      const at = (camRow: number) =>
        cam[camRow * camColumns + across.first]! * (1 - across.share) +
        cam[camRow * camColumns + across.second]! * across.share;
      response[row * columns + column] =
        Math.max(0, at(down.first) * (1 - down.share) + at(down.second) * down.share) / peak;
    }
  }
  return response;
}

function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser draws no canvas.');
  return context;
}
