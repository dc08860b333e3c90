import type { KeySlice, SliceCrop } from '../case/case.ts';
import type { Localisation } from './judgedCase.ts';

/** What is known of a key slice. */
export interface SliceTruth {
  readonly label: boolean | null;
  /** Marked pixels of the stored matrix, `[row][column]`; null when none is marked. */
  readonly mask: Uint8Array | null;
  /** [between rows, between columns]. */
  readonly pixelSpacingMm: readonly [number, number];
}

/**
 * Whether the agent points at the fracture: `keySlices` best first, `truth` of each. Null when no truth of a key slice is known.
 * The heatmap's unit is its cell (a twelfth of the field, say), so a hit is a hottest cell with a marked pixel in it.
 */
export function localise(
  keySlices: readonly KeySlice[],
  truth: readonly SliceTruth[],
  hasPixelTruth: boolean,
): Localisation | null {
  const [best] = keySlices;
  const [bestTruth] = truth;
  if (best === undefined || bestTruth === undefined || truth.some(({ label }) => label === null)) return null;
  const keySliceHits = truth.map(({ label }) => label === true);
  if (!hasPixelTruth) return { keySliceHits, hotspotInMask: null, hotspotDistanceMm: null, cellMm: null, chance: null };
  if (bestTruth.mask === null)
    return { keySliceHits, hotspotInMask: false, hotspotDistanceMm: null, cellMm: null, chance: 0 };

  const hottest = best.cam.reduce((peak, value, cell) => (value > best.cam[peak]! ? cell : peak), 0);
  const cells = new Set<number>();
  const { rows, columns } = best.crop;
  const middle = { row: Math.floor(hottest / best.camColumns) + 0.5, column: (hottest % best.camColumns) + 0.5 };
  const [betweenRows, betweenColumns] = best.crop.transpose
    ? [bestTruth.pixelSpacingMm[1], bestTruth.pixelSpacingMm[0]]
    : bestTruth.pixelSpacingMm;
  const cellHeightMm = ((best.crop.bottom - best.crop.top) / best.camRows) * betweenRows;
  const cellWidthMm = ((best.crop.right - best.crop.left) / best.camColumns) * betweenColumns;
  let distanceMm = Infinity;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (bestTruth.mask[row * columns + column] === 0) continue;
      const at = cellOf(row, column, best);
      distanceMm = Math.min(
        distanceMm,
        Math.hypot((at.row - middle.row) * cellHeightMm, (at.column - middle.column) * cellWidthMm),
      );
      const [cellRow, cellColumn] = [Math.floor(at.row), Math.floor(at.column)];
      if (cellRow >= 0 && cellColumn >= 0 && cellRow < best.camRows && cellColumn < best.camColumns)
        cells.add(cellRow * best.camColumns + cellColumn);
    }
  }
  return {
    keySliceHits,
    hotspotInMask: best.cam[hottest]! > 0 && cells.has(hottest),
    hotspotDistanceMm: distanceMm,
    cellMm: cellWidthMm,
    chance: cells.size / best.cam.length,
  };
}

/** Where a stored pixel's middle lies in the heatmap, in cells; outside of the analysed field below 0 or beyond the last. */
function cellOf(
  storedRow: number,
  storedColumn: number,
  { crop, camRows, camColumns }: KeySlice,
): { row: number; column: number } {
  const oriented = orientedPixel(storedRow, storedColumn, crop);
  return {
    row: ((oriented.row + 0.5 - crop.top) / (crop.bottom - crop.top)) * camRows,
    column: ((oriented.column + 0.5 - crop.left) / (crop.right - crop.left)) * camColumns,
  };
}

function orientedPixel(
  storedRow: number,
  storedColumn: number,
  { transpose, flipRows, flipColumns, rows, columns }: SliceCrop,
): { row: number; column: number } {
  const [row, column] = transpose ? [storedColumn, storedRow] : [storedRow, storedColumn];
  const [orientedRows, orientedColumns] = transpose ? [columns, rows] : [rows, columns];
  return { row: flipRows ? orientedRows - 1 - row : row, column: flipColumns ? orientedColumns - 1 - column : column };
}
