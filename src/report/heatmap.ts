import { TriageError } from '../base/errors.ts';
import type { SliceCrop } from '../case/case.ts';
import { CONTOUR_COLOUR_AT, CONTOUR_LEVEL, inferno, LARGEST_ALPHA } from '../case/responseColour.ts';

/**
 * Class activation as the source image is stored: `[row][column]` of the stored matrix, relative to the slice's own peak (0..1), 0 outside the analysed field.
 * Bilinear between the centres of the map's cells, constant beyond the outermost centres; `crop` says how the stored matrix became the model's input.
 *
 * @throws TriageError `report-failed` when map and size disagree
 */
export function responseOnSource(
  cam: ArrayLike<number>,
  camRows: number,
  camColumns: number,
  crop: SliceCrop,
): Float32Array {
  if (cam.length !== camRows * camColumns || cam.length === 0)
    throw new TriageError('report-failed', `A heatmap of ${cam.length} values cannot be ${camRows} x ${camColumns}.`);
  const { rows, columns } = crop;
  const response = new Float32Array(rows * columns);
  let peak = 0;
  for (let cell = 0; cell < cam.length; cell++) peak = Math.max(peak, cam[cell]!);
  if (peak <= 0) return response;
  const orientedRows = crop.transpose ? columns : rows;
  const orientedColumns = crop.transpose ? rows : columns;
  const rowWeights = cellWeights(orientedRows, crop.top, crop.bottom, camRows);
  const columnWeights = cellWeights(orientedColumns, crop.left, crop.right, camColumns);
  for (let row = Math.max(0, crop.top); row < Math.min(orientedRows, crop.bottom); row++) {
    const { first: r0, second: r1, share: rowShare } = rowWeights[row]!;
    const mirroredRow = crop.flipRows ? orientedRows - 1 - row : row;
    for (let column = Math.max(0, crop.left); column < Math.min(orientedColumns, crop.right); column++) {
      const { first: c0, second: c1, share } = columnWeights[column]!;
      const upper = cam[r0 * camColumns + c0]! * (1 - share) + cam[r0 * camColumns + c1]! * share;
      const lower = cam[r1 * camColumns + c0]! * (1 - share) + cam[r1 * camColumns + c1]! * share;
      const mirroredColumn = crop.flipColumns ? orientedColumns - 1 - column : column;
      const stored = crop.transpose ? mirroredColumn * columns + mirroredRow : mirroredRow * columns + mirroredColumn;
      response[stored] = Math.max(0, upper * (1 - rowShare) + lower * rowShare) / peak;
    }
  }
  return response;
}

/** The analysed field as a rectangle in the stored matrix, pixels, half open. */
export function fieldOnSource(crop: SliceCrop): { top: number; left: number; bottom: number; right: number } {
  const orientedRows = crop.transpose ? crop.columns : crop.rows;
  const orientedColumns = crop.transpose ? crop.rows : crop.columns;
  const mirrored = (from: number, to: number, size: number, flip: boolean): [number, number] => {
    const [low, high] = [Math.max(0, from), Math.min(size, to)];
    return flip ? [size - high, size - low] : [low, high];
  };
  const rowSpan = mirrored(crop.top, crop.bottom, orientedRows, crop.flipRows);
  const columnSpan = mirrored(crop.left, crop.right, orientedColumns, crop.flipColumns);
  const [vertical, horizontal] = crop.transpose ? [columnSpan, rowSpan] : [rowSpan, columnSpan];
  return { top: vertical[0], bottom: vertical[1], left: horizontal[0], right: horizontal[1] };
}

/** Tints `rgb` (`[row][column][channel]`) with a response of `responseOnSource`: at most 35 %, and a 2 px contour at half of the peak. */
export function drawResponse(rgb: Uint8Array, response: Float32Array, rows: number, columns: number): void {
  const contour = inferno(CONTOUR_COLOUR_AT);
  const inside = (row: number, column: number): boolean =>
    row >= 0 && column >= 0 && row < rows && column < columns && response[row * columns + column]! >= CONTOUR_LEVEL;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const value = response[at]!;
      const here = inside(row, column);
      // One pixel on either side of the edge makes a line two pixels wide.
      const onContour =
        inside(row - 1, column) !== here ||
        inside(row + 1, column) !== here ||
        inside(row, column - 1) !== here ||
        inside(row, column + 1) !== here;
      if (!onContour && value === 0) continue;
      const colour = onContour ? contour : inferno(value);
      const alpha = onContour ? 1 : LARGEST_ALPHA * value;
      for (let channel = 0; channel < 3; channel++)
        rgb[at * 3 + channel] = Math.round(rgb[at * 3 + channel]! * (1 - alpha) + colour[channel]! * alpha);
    }
  }
}

interface CellWeight {
  first: number;
  second: number;
  share: number;
}

/** For every pixel of an axis: the two cells whose centres enclose it, and the weight of the second. */
function cellWeights(size: number, from: number, to: number, cells: number): CellWeight[] {
  return Array.from({ length: size }, (_, pixel) => {
    const place = Math.min(cells - 1, Math.max(0, ((pixel + 0.5 - from) / (to - from)) * cells - 0.5));
    const first = Math.min(cells - 1, Math.floor(place));
    return { first, second: Math.min(cells - 1, first + 1), share: place - first };
  });
}
