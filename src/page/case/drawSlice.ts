import type { KeySlice } from '../../case/case.ts';
import { CONTOUR_COLOUR_AT, CONTOUR_LEVEL, inferno, LARGEST_ALPHA } from '../../case/responseColour.ts';
import type { Slice } from './caseApi.ts';
import type { SliceStore } from './sliceStore.ts';

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

export function drawSlice(canvas: HTMLCanvasElement, slice: Slice, window: DisplayWindow): void {
  drawGrey(canvas, slice.columns, slice.rows, (at) => slice.hu[at]!, window);
}

/** Front to back (`column`: sagittal) or right to left (`row`: coronal), superior first. Slices that have not loaded yet are black. */
export function drawReformat(
  canvas: HTMLCanvasElement,
  store: SliceStore,
  plane: { column: number } | { row: number },
  window: DisplayWindow,
): void {
  const { coarse, coarseRows, coarseColumns } = store;
  const sagittal = 'column' in plane;
  const width = sagittal ? coarseRows : coarseColumns;
  const line = Math.max(0, Math.min((sagittal ? coarseColumns : coarseRows) - 1, sagittal ? plane.column : plane.row));
  drawGrey(
    canvas,
    width,
    coarse.length,
    (at) => {
      const slice = coarse[Math.floor(at / width)];
      if (slice == null) return -1024;
      const along = at % width;
      return slice[sagittal ? along * coarseColumns + line : line * coarseColumns + along]!;
    },
    window,
  );
}

function drawGrey(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  hu: (at: number) => number,
  { centerHu, widthHu }: DisplayWindow,
): void {
  const context = sized(canvas, width, height);
  const image = context.createImageData(width, height);
  const darkest = centerHu - widthHu / 2;
  const scale = 255 / widthHu;
  // The array rounds and clamps by itself.
  const grey = image.data;
  for (let at = 0; at < width * height; at += 1) {
    const value = (hu(at) - darkest) * scale;
    grey[at * 4] = value;
    grey[at * 4 + 1] = value;
    grey[at * 4 + 2] = value;
    grey[at * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
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
