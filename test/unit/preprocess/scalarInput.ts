// The preprocessing once more, pixel by pixel in TypeScript: what the kernel (src/preprocess/kernel) must compute, to the last bit.
import { axisWeights } from '../../../src/preprocess/axisWeights.ts';
import type { Box } from '../../../src/preprocess/box.ts';
import type { InputSpec, OrientedSlice } from '../../../src/preprocess/modelInput.ts';
import { otsuCrop, type BoneCrop, type CroppedSlice } from '../../../src/preprocess/otsuCrop.ts';
import { GROSS_BONE } from '../../../src/preprocess/windows.ts';
import type { WindowHu } from '../../../src/preprocess/windows.ts';

/** The crop and the tensor of `modelInput`. */
export function scalarInput(
  { hu, rows, columns }: OrientedSlice,
  spec: InputSpec,
): BoneCrop & { tensor: Float32Array } {
  const { sizePixels: size, windowsHu } = spec;
  const slice: CroppedSlice = {
    rows,
    columns,
    levelCounts: () => countLevels(hu),
    boneBounds: (withinAboveHu, boneAboveHu) =>
      boundsAbove(hu, columns, largestComponent(hu, rows, columns, withinAboveHu), boneAboveHu),
  };
  const crop = otsuCrop(slice, spec.cropRule, spec.marginFraction);
  const cropRows = crop.box.bottom - crop.box.top;
  const cropColumns = crop.box.right - crop.box.left;
  const side = Math.max(cropRows, cropColumns);
  const inner = {
    rows: Math.max(1, Math.round((cropRows * size) / side)),
    columns: Math.max(1, Math.round((cropColumns * size) / side)),
  };
  const place = { ...inner, top: (size - inner.rows) >> 1, left: (size - inner.columns) >> 1 };
  return { ...crop, tensor: scalarSquare({ hu, rows, columns }, crop.box, windowsHu, size, place) };
}

/** What `windowedSquare` of a loaded slice gives. */
export function scalarSquare(
  { hu, columns }: OrientedSlice,
  crop: Box,
  windowsHu: readonly WindowHu[],
  size: number,
  place: { top: number; left: number; rows: number; columns: number },
): Float32Array {
  const cropRows = crop.bottom - crop.top;
  const cropColumns = crop.right - crop.left;
  const windowed = new Float32Array(cropRows * cropColumns);
  const square = new Float32Array(windowsHu.length * size * size);
  for (const [channel, window] of windowsHu.entries()) {
    applyWindow(hu, columns, crop, window, windowed);
    const offset = channel * size * size + place.top * size + place.left;
    resample(windowed, [cropRows, cropColumns], [place.rows, place.columns], square, offset, size);
  }
  return square;
}

/** Brings `[row][column]` from one shape to another, first rows, then columns; each product and each sum is rounded to 32 bits. */
function resample(
  source: Float32Array,
  [inputRows, inputColumns]: [number, number],
  [outputRows, outputColumns]: [number, number],
  target: Float32Array,
  offset: number,
  stride: number,
): void {
  const vertical = axisWeights(inputRows, outputRows);
  const horizontal = axisWeights(inputColumns, outputColumns);
  const line = new Float32Array(inputColumns);
  for (let row = 0; row < outputRows; row++) {
    line.fill(0);
    for (let tap = 0; tap < vertical.taps; tap++) {
      const weight = vertical.weights[row * vertical.taps + tap]!;
      const start = (vertical.firsts[row]! + tap) * inputColumns;
      for (let column = 0; column < inputColumns; column++)
        line[column]! += Math.fround(weight * source[start + column]!);
    }
    for (let column = 0; column < outputColumns; column++) {
      let sum = 0;
      for (let tap = 0; tap < horizontal.taps; tap++) {
        const weight = horizontal.weights[column * horizontal.taps + tap]!;
        sum = Math.fround(sum + Math.fround(weight * line[horizontal.firsts[column]! + tap]!));
      }
      target[offset + row * stride + column] = sum;
    }
  }
}

/** Writes the part of an image `[row][column]` that lies in `box` through the window into `target`, as 0..1 and row-major. */
function applyWindow(
  hu: Float32Array | Int16Array,
  columns: number,
  box: Box,
  window: WindowHu,
  target: Float32Array,
): void {
  const lowest = Math.fround(window.centerHu - window.widthHu / 2);
  const scale = Math.fround(1 / window.widthHu);
  let to = 0;
  for (let row = box.top; row < box.bottom; row++) {
    const end = row * columns + box.right;
    for (let i = row * columns + box.left; i < end; i++) {
      const value = Math.fround(hu[i]! - lowest) * scale;
      target[to++] = value > 0 ? (value < 1 ? value : 1) : 0;
    }
  }
}

const LOWEST_HU = GROSS_BONE.centerHu - GROSS_BONE.widthHu / 2;
const PER_WIDTH = 1 / GROSS_BONE.widthHu;
const HIGHEST_HU = GROSS_BONE.centerHu + GROSS_BONE.widthHu / 2;

/** The 8-bit level of a value inside the gross bone window; below the window it is 0, above it 255. */
function levelOf(hu: number): number {
  return Math.trunc(Math.fround((hu - LOWEST_HU) * PER_WIDTH) * 255 + 0.5);
}

/** How many pixels have each 8-bit level of the gross bone window. */
function countLevels(hu: Float32Array | Int16Array): Int32Array {
  const counts = new Int32Array(256);
  // Most of a slice is air or soft tissue below the window, or bone above it: those pixels need no arithmetic.
  let below = 0;
  let above = 0;
  for (let i = 0; i < hu.length; i++) {
    const value = hu[i]!;
    if (!(value > LOWEST_HU)) below++;
    else if (value >= HIGHEST_HU) above++;
    else counts[levelOf(value)]!++;
  }
  counts[0]! += below;
  counts[255]! += above;
  return counts;
}

/** The box around the pixels above `aboveHu` in these runs, or null when there is none. */
function boundsAbove(
  hu: Float32Array | Int16Array,
  columns: number,
  { starts, ends, count }: Runs,
  aboveHu: number,
): Box | null {
  let box: Box | null = null;
  for (let run = 0; run < count; run++) {
    let first = starts[run]!;
    let last = ends[run]! - 1;
    while (first <= last && !(hu[first]! > aboveHu)) first++;
    if (first > last) continue;
    while (!(hu[last]! > aboveHu)) last--;
    const row = Math.floor(first / columns);
    const left = first - row * columns;
    const right = last + 1 - row * columns;
    // Runs come row by row: the first has the top, the last the bottom.
    if (box === null) box = { top: row, left, bottom: row + 1, right };
    else box = { top: box.top, left: Math.min(box.left, left), bottom: row + 1, right: Math.max(box.right, right) };
  }
  return box;
}

/** Row-wise runs of pixels: run `i` is the raster indices `starts[i]` to `ends[i]`, half open and within one row, in raster order. */
interface Runs {
  starts: Int32Array;
  ends: Int32Array;
  count: number;
}

/**
 * The largest 8-connected component of the pixels above `aboveHu` of an image `[row][column]`, as runs; of equal ones, the first in raster order. No runs
 * when no pixel is above.
 */
function largestComponent(hu: Float32Array | Int16Array, rows: number, columns: number, aboveHu: number): Runs {
  // Runs instead of pixels: a CT slice has a few thousand runs, so union-find stays small.
  let count = 0;
  let starts = new Int32Array(4096);
  let ends = new Int32Array(4096);
  let parents = new Int32Array(4096);
  let above = 0;
  let aboveEnd = 0;
  for (let row = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    const first = count;
    // A row has at most half as many runs as pixels.
    if (count + columns > starts.length)
      [starts, ends, parents] = [grown(starts, columns), grown(ends, columns), grown(parents, columns)];
    let touching = above;
    for (let i = row * columns; i < rowEnd;) {
      while (i < rowEnd && !(hu[i]! > aboveHu)) i++;
      if (i === rowEnd) break;
      const start = i;
      while (i < rowEnd && hu[i]! > aboveHu) i++;
      const run = count++;
      starts[run] = start;
      ends[run] = i;
      parents[run] = run;
      // Runs [s, e) and [start, i) of neighbouring rows touch, diagonals included, when s <= i' and e >= start'.
      while (touching < aboveEnd && ends[touching]! < start - columns) touching++;
      for (let other = touching; other < aboveEnd && starts[other]! <= i - columns; other++) {
        const a = rootOf(parents, other);
        const b = rootOf(parents, run);
        if (a < b) parents[b] = a;
        else parents[a] = b;
      }
    }
    above = first;
    aboveEnd = count;
  }

  const sizes = new Int32Array(count);
  let largest = -1;
  for (let run = 0; run < count; run++) sizes[rootOf(parents, run)]! += ends[run]! - starts[run]!;
  for (let run = 0; run < count; run++) if (largest < 0 || sizes[run]! > sizes[largest]!) largest = run;
  let kept = 0;
  for (let run = 0; run < count; run++) {
    if (rootOf(parents, run) !== largest) continue;
    starts[kept] = starts[run]!;
    ends[kept] = ends[run]!;
    kept++;
  }
  return { starts, ends, count: kept };
}

function rootOf(parents: Int32Array, run: number): number {
  let root = run;
  while (parents[root]! !== root) root = parents[root]!;
  while (parents[run]! !== root) {
    const next = parents[run]!;
    parents[run] = root;
    run = next;
  }
  return root;
}

function grown(array: Int32Array<ArrayBuffer>, room: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2 + room);
  larger.set(array);
  return larger;
}
