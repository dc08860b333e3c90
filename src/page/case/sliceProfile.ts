/** What of a slice tells its height in the body: the outline, without table and cushions, and what lies within it. */
export interface SliceProfile {
  widthMm: number;
  depthMm: number;
  bodyCm2: number;
  boneCm2: number;
  /** Airways, sinuses and lungs. */
  airCm2: number;
}

/** Hounsfield units, `[row][column]`, rows front to back and columns from the patient's right to left. */
interface OrientedSlice {
  hu: Int16Array;
  rows: number;
  columns: number;
}

/** A slice is reduced to means over squares of this size: coarse enough for any noise and kernel, fine enough for a vertebra. */
const CELL_MM = 4;
/** Skin against air, and against the foam of collars and cushions. */
const BODY_ABOVE_HU = -300;
const BONE_ABOVE_HU = 200;
const AIR_BELOW_HU = -400;

/**
 * The profile of one slice. Nothing farther than half of `fieldMm` to the left or right of the body's middle counts, so that a
 * scan whose field cuts the shoulders off can be compared with one that shows them whole.
 */
export function sliceProfile(
  slice: OrientedSlice,
  pixelSpacingMm: readonly [number, number],
  fieldMm: number,
): SliceProfile {
  const cells = cellsOf(slice, pixelSpacingMm);
  const body = bodyOf(cells);
  const middle = meanColumn(body, cells);
  const half = fieldMm / 2 / CELL_MM;
  const acrossRows = new Float64Array(cells.rows);
  const downColumns = new Float64Array(cells.columns);
  let bone = 0;
  let air = 0;
  for (let row = 0; row < cells.rows; row += 1) {
    const [first, last] = endsOf(body, row * cells.columns, cells.columns);
    for (let column = first; column <= last; column += 1) {
      if (Math.abs(column - middle) > half) continue;
      const at = row * cells.columns + column;
      if (body[at] === 1) {
        acrossRows[row]! += 1;
        downColumns[column]! += 1;
      }
      if (cells.hu[at]! > BONE_ABOVE_HU && body[at] === 1) bone += 1;
      else if (cells.hu[at]! < AIR_BELOW_HU) air += 1;
    }
  }
  const cellCm2 = (CELL_MM * CELL_MM) / 100;
  return {
    widthMm: Math.max(...acrossRows) * CELL_MM,
    depthMm: Math.max(...downColumns) * CELL_MM,
    bodyCm2: acrossRows.reduce((sum, count) => sum + count, 0) * cellCm2,
    boneCm2: bone * cellCm2,
    airCm2: air * cellCm2,
  };
}

/** `[row][column]` */
interface Cells {
  hu: Float32Array;
  rows: number;
  columns: number;
}

function cellsOf({ hu, rows, columns }: OrientedSlice, [rowMm, columnMm]: readonly [number, number]): Cells {
  const down = Math.max(1, Math.floor((rows * rowMm) / CELL_MM));
  const across = Math.max(1, Math.floor((columns * columnMm) / CELL_MM));
  const means = new Float32Array(down * across);
  // Pixels may be larger than a cell: each cell has one at least.
  const span = (cell: number, pixelMm: number): [number, number] => {
    const from = Math.floor((cell * CELL_MM) / pixelMm);
    return [from, Math.max(from + 1, Math.floor(((cell + 1) * CELL_MM) / pixelMm))];
  };
  for (let row = 0; row < down; row += 1) {
    const [top, bottom] = span(row, rowMm);
    for (let column = 0; column < across; column += 1) {
      const [left, right] = span(column, columnMm);
      let sum = 0;
      for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) sum += hu[y * columns + x]!;
      means[row * across + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return { hu: means, rows: down, columns: across };
}

/** 1 in the largest connected piece of tissue that is left when a layer of one cell is taken off: the shell of a table is thinner than two cells. */
function bodyOf({ hu, rows, columns }: Cells): Uint8Array {
  const isTissue = (row: number, column: number): boolean =>
    row >= 0 && column >= 0 && row < rows && column < columns && hu[row * columns + column]! > BODY_ABOVE_HU;
  const inner = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      if (isTissue(row, column) && isTissue(row - 1, column) && isTissue(row + 1, column))
        inner[row * columns + column] = 1;
  const largest = largestPiece(inner, rows, columns);
  const body = new Uint8Array(rows * columns);
  for (let at = 0; at < largest.length; at += 1) {
    if (largest[at] === 0) continue;
    for (const near of [at, at - columns, at + columns]) body[near] = 1;
  }
  return body;
}

function largestPiece(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  const pieceOf = new Int32Array(rows * columns);
  const sizes = [0];
  const open: number[] = [];
  for (let start = 0; start < mask.length; start += 1) {
    if (mask[start] === 0 || pieceOf[start] !== 0) continue;
    const piece = sizes.push(0) - 1;
    pieceOf[start] = piece;
    open.push(start);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      sizes[piece]! += 1;
      const column = at % columns;
      for (const next of [at - columns, at + columns, column > 0 ? at - 1 : -1, column < columns - 1 ? at + 1 : -1]) {
        if (next < 0 || next >= mask.length || mask[next] === 0 || pieceOf[next] !== 0) continue;
        pieceOf[next] = piece;
        open.push(next);
      }
    }
  }
  const best = sizes.indexOf(Math.max(...sizes));
  return Uint8Array.from(pieceOf, (piece) => (piece === best && best !== 0 ? 1 : 0));
}

function meanColumn(body: Uint8Array, { columns }: Cells): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < body.length; at += 1) {
    if (body[at] === 0) continue;
    sum += at % columns;
    count += 1;
  }
  return count === 0 ? columns / 2 : sum / count;
}

/** First and last cell of the body in a row; what lies between them and is air is inside the body. */
function endsOf(body: Uint8Array, from: number, columns: number): [number, number] {
  const row = body.subarray(from, from + columns);
  const first = row.indexOf(1);
  return first === -1 ? [0, -1] : [first, row.lastIndexOf(1)];
}
