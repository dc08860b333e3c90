// The hot part of the preprocessing, in AssemblyScript: scripts/buildKernel.mjs compiles it to WebAssembly with SIMD, and src/preprocess/loadedSlice.ts
// calls it. It allocates nothing: the host lays out the memory and passes addresses in bytes. Only operations with one defined result are used (no relaxed
// SIMD), so every machine computes the same bits.

/** Bit `k` is set where pixel `k` of the next `count` (16 at most) is above `thresholdHu`. */
function maskAbove(pixels: usize, count: i32, thresholdHu: f32): i32 {
  if (count >= 16) {
    const threshold = f32x4.splat(thresholdHu);
    const a = f32x4.gt(v128.load(pixels), threshold);
    const b = f32x4.gt(v128.load(pixels, 16), threshold);
    const c = f32x4.gt(v128.load(pixels, 32), threshold);
    const d = f32x4.gt(v128.load(pixels, 48), threshold);
    return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
  }
  let mask = 0;
  for (let k = 0; k < count; k++) if (load<f32>(pixels + ((<usize>k) << 2)) > thresholdHu) mask |= 1 << k;
  return mask;
}

/**
 * Counts the 8-bit levels of a window: `counts[256]` of i32. Values up to `lowestHu` have level 0, those from `highestHu` on 255.
 */
export function countLevels(hu: usize, pixels: i32, counts: usize, lowestHu: f64, highestHu: f64, perWidth: f64): void {
  memory.fill(counts, 0, 256 * 4);
  let counted = 0;
  for (let i = 0; i < pixels; i += 16) {
    const block = hu + ((<usize>i) << 2);
    // Most of a slice is air or soft tissue below the window: those pixels need no arithmetic.
    let mask = maskAbove(block, pixels - i, <f32>lowestHu);
    counted += popcnt(mask);
    for (; mask !== 0; mask &= mask - 1) {
      const value = <f64>load<f32>(block + ((<usize>ctz(mask)) << 2));
      const level = value >= highestHu ? 255 : <i32>(<f64>(<f32>((value - lowestHu) * perWidth)) * 255 + 0.5);
      const at = counts + ((<usize>level) << 2);
      store<i32>(at, load<i32>(at) + 1);
    }
  }
  store<i32>(counts, load<i32>(counts) + pixels - counted);
}

// Row-wise runs of pixels in raster order, as arrays of i32: where each starts and ends (half open), its parent in the union-find forest, and, at the root
// of each component, its pixels.
let starts: usize = 0;
let ends: usize = 0;
let parents: usize = 0;
let sizes: usize = 0;
let runs: i32 = 0;

function item(array: usize, index: i32): i32 {
  return load<i32>(array + ((<usize>index) << 2));
}

function setItem(array: usize, index: i32, value: i32): void {
  store<i32>(array + ((<usize>index) << 2), value);
}

function rootOf(run: i32): i32 {
  let root = run;
  while (item(parents, root) !== root) root = item(parents, root);
  while (item(parents, run) !== root) {
    const next = item(parents, run);
    setItem(parents, run, root);
    run = next;
  }
  return root;
}

/** Of the runs of the row above, which end at `aboveEnd`, the first that can still touch a run of this row. */
let touching: i32 = 0;
let aboveEnd: i32 = 0;

/** Adds the run [start, end) and joins it with the runs that it touches in the row above, diagonals included. */
function addRun(start: i32, end: i32, columns: i32): void {
  const run = runs++;
  setItem(starts, run, start);
  setItem(ends, run, end);
  setItem(parents, run, run);
  while (touching < aboveEnd && item(ends, touching) < start - columns) touching++;
  for (let other = touching; other < aboveEnd && item(starts, other) <= end - columns; other++) {
    const a = rootOf(other);
    const b = rootOf(run);
    // The root is the first run of its component.
    if (a < b) setItem(parents, b, a);
    else setItem(parents, a, b);
  }
}

/** Finds the runs above `thresholdHu` and joins them to 8-connected components. */
function findRuns(hu: usize, rows: i32, columns: i32, thresholdHu: f32): void {
  runs = 0;
  let above = 0;
  for (let row = 0; row < rows; row++) {
    aboveEnd = runs;
    touching = above;
    above = aboveEnd;
    const base = row * columns;
    let open = -1;
    let last = 0;
    for (let column = 0; column < columns; column += 16) {
      const mask = maskAbove(hu + ((<usize>(base + column)) << 2), columns - column, thresholdHu);
      // Set where a pixel differs from the one before it: a run begins or ends there.
      let changes = (mask ^ ((mask << 1) | last)) & 0xffff;
      last = mask >> 15;
      for (; changes !== 0; changes &= changes - 1) {
        const at = base + column + ctz(changes);
        if (open < 0) {
          open = at;
        } else {
          addRun(open, at, columns);
          open = -1;
        }
      }
    }
    if (open >= 0) addRun(open, base + columns, columns);
  }
}

/** The root of the largest component; of equal ones, the first in raster order. -1 when there is none. */
function largestComponent(): i32 {
  memory.fill(sizes, 0, (<usize>runs) << 2);
  for (let run = 0; run < runs; run++) {
    const root = rootOf(run);
    setItem(sizes, root, item(sizes, root) + item(ends, run) - item(starts, run));
  }
  let largest = -1;
  for (let run = 0; run < runs; run++) if (largest < 0 || item(sizes, run) > item(sizes, largest)) largest = run;
  return largest;
}

/**
 * The box around the pixels above `boneAboveHu` in the largest 8-connected component of the pixels above `withinAboveHu`: writes top, left, bottom and
 * right (half open) as i32 to `box`, and returns false when there is no such pixel.
 *
 * @param scratch four arrays of `capacity` i32; an image has at most `rows * ceil(columns / 2)` runs
 */
export function boneBounds(
  hu: usize,
  rows: i32,
  columns: i32,
  withinAboveHu: f32,
  boneAboveHu: f32,
  scratch: usize,
  capacity: i32,
  box: usize,
): bool {
  const arrayBytes = (<usize>capacity) << 2;
  starts = scratch;
  ends = starts + arrayBytes;
  parents = ends + arrayBytes;
  sizes = parents + arrayBytes;
  findRuns(hu, rows, columns, withinAboveHu);
  const largest = largestComponent();
  let top = -1;
  let bottom = -1;
  let left = columns;
  let right = 0;
  for (let run = 0; run < runs; run++) {
    if (rootOf(run) !== largest) continue;
    const row = item(starts, run) / columns;
    const base = hu + ((<usize>(row * columns)) << 2);
    let first = item(starts, run) - row * columns;
    let last = item(ends, run) - row * columns;
    while (first < last && !(load<f32>(base + ((<usize>first) << 2)) > boneAboveHu)) first++;
    if (first === last) continue;
    while (!(load<f32>(base + ((<usize>(last - 1)) << 2)) > boneAboveHu)) last--;
    // Runs come row by row: the first has the top, the last the bottom.
    if (top < 0) top = row;
    bottom = row + 1;
    left = min(left, first);
    right = max(right, last);
  }
  store<i32>(box, top);
  store<i32>(box, left, 4);
  store<i32>(box, bottom, 8);
  store<i32>(box, right, 12);
  return top >= 0;
}

/** Writes a row through up to four windows, one in each lane: 0..1. What is not a number becomes 0. */
function windowRow(pixels: usize, columns: i32, lowest: v128, scale: v128, target: usize): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const end = target + ((<usize>columns) << 4);
  for (; target < end; target += 16, pixels += 4) {
    const value = f32x4.mul(f32x4.sub(v128.load32_splat(pixels), lowest), scale);
    v128.store(target, f32x4.pmax(zero, f32x4.pmin(value, one)));
  }
}

/** `target` = the sum of the rows by their weights; row `first + tap` of the ring has weight `weights[tap]`. */
function meanOfRows(
  ring: usize,
  ringMask: i32,
  rowBytes: usize,
  first: i32,
  weights: usize,
  taps: i32,
  target: usize,
): void {
  let row = ring + <usize>(first & ringMask) * rowBytes;
  let weight = v128.load32_splat(weights);
  if (taps === 1) {
    for (let at: usize = 0; at < rowBytes; at += 16) v128.store(target + at, f32x4.mul(weight, v128.load(row + at)));
    return;
  }
  const next = ring + <usize>((first + 1) & ringMask) * rowBytes;
  const nextWeight = v128.load32_splat(weights, 4);
  for (let at: usize = 0; at < rowBytes; at += 16)
    v128.store(
      target + at,
      f32x4.add(f32x4.mul(weight, v128.load(row + at)), f32x4.mul(nextWeight, v128.load(next + at))),
    );
  for (let tap = 2; tap < taps; tap++) {
    row = ring + <usize>((first + tap) & ringMask) * rowBytes;
    weight = v128.load32_splat(weights + ((<usize>tap) << 2));
    for (let at: usize = 0; at < rowBytes; at += 16)
      v128.store(target + at, f32x4.add(v128.load(target + at), f32x4.mul(weight, v128.load(row + at))));
  }
}

/** The weighted mean of `taps` pixels of a line, one window in each lane. */
function meanOfPixels(pixels: usize, weights: usize, taps: i32): v128 {
  let sum = f32x4.mul(v128.load32_splat(weights), v128.load(pixels));
  for (let tap = 1; tap < taps; tap++) {
    pixels += 16;
    weights += 4;
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(weights), v128.load(pixels)));
  }
  return sum;
}

/** Resamples a line, one window in each lane, to `outputs` pixels in the plane of each window. */
function resampleLine(
  line: usize,
  firsts: usize,
  weights: usize,
  taps: i32,
  outputs: i32,
  target: usize,
  planeBytes: usize,
  windows: i32,
): void {
  const tapBytes = (<usize>taps) << 2;
  let output = 0;
  for (; output + 4 <= outputs; output += 4, target += 16, firsts += 16, weights += tapBytes << 2) {
    const a = meanOfPixels(line + ((<usize>load<i32>(firsts)) << 4), weights, taps);
    const b = meanOfPixels(line + ((<usize>load<i32>(firsts, 4)) << 4), weights + tapBytes, taps);
    const c = meanOfPixels(line + ((<usize>load<i32>(firsts, 8)) << 4), weights + 2 * tapBytes, taps);
    const d = meanOfPixels(line + ((<usize>load<i32>(firsts, 12)) << 4), weights + 3 * tapBytes, taps);
    // From one pixel of all windows in a vector to four pixels of one window.
    const lowAb = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const lowCd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    v128.store(target, v128.shuffle<i64>(lowAb, lowCd, 0, 2));
    if (windows > 1) v128.store(target + planeBytes, v128.shuffle<i64>(lowAb, lowCd, 1, 3));
    if (windows > 2) {
      const highAb = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const highCd = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
      v128.store(target + 2 * planeBytes, v128.shuffle<i64>(highAb, highCd, 0, 2));
      if (windows > 3) v128.store(target + 3 * planeBytes, v128.shuffle<i64>(highAb, highCd, 1, 3));
    }
  }
  for (; output < outputs; output++, target += 4, firsts += 4, weights += tapBytes) {
    const mean = meanOfPixels(line + ((<usize>load<i32>(firsts)) << 4), weights, taps);
    store<f32>(target, f32x4.extract_lane(mean, 0));
    if (windows > 1) store<f32>(target + planeBytes, f32x4.extract_lane(mean, 1));
    if (windows > 2) store<f32>(target + 2 * planeBytes, f32x4.extract_lane(mean, 2));
    if (windows > 3) store<f32>(target + 3 * planeBytes, f32x4.extract_lane(mean, 3));
  }
}

/**
 * Sees part of an image through up to four windows and resamples it: `[window][row][column]` at `target`, planes `planeBytes` and rows `targetRowBytes` apart.
 *
 * @param source the first pixel of the part; `sourceColumns` pixels from row to row, `columns` of them taken
 * @param windowsHu the lowest value of each of four windows, f32, then one over the width of each
 * @param vertical for each of `outputRows` the first input row as i32, then `verticalTaps` weights of f32 for each; `horizontal` alike
 * @param scratch room for `ringRows + 1` rows of 16 bytes a pixel; `ringRows` is a power of two, at least `verticalTaps`
 */
export function windowAndResample(
  source: usize,
  sourceColumns: i32,
  columns: i32,
  windowsHu: usize,
  windows: i32,
  vertical: usize,
  outputRows: i32,
  verticalTaps: i32,
  horizontal: usize,
  outputColumns: i32,
  horizontalTaps: i32,
  scratch: usize,
  ringRows: i32,
  target: usize,
  targetRowBytes: usize,
  planeBytes: usize,
): void {
  const lowest = v128.load(windowsHu);
  const scale = v128.load(windowsHu, 16);
  const rowBytes = (<usize>columns) << 4;
  const line = scratch + <usize>ringRows * rowBytes;
  const ringMask = ringRows - 1;
  const verticalWeights = vertical + ((<usize>outputRows) << 2);
  const horizontalWeights = horizontal + ((<usize>outputColumns) << 2);
  let windowed = 0;
  for (let row = 0; row < outputRows; row++) {
    const first = item(vertical, row);
    for (; windowed < first + verticalTaps; windowed++) {
      const pixels = source + ((<usize>windowed * <usize>sourceColumns) << 2);
      windowRow(pixels, columns, lowest, scale, scratch + <usize>(windowed & ringMask) * rowBytes);
    }
    const weights = verticalWeights + ((<usize>(row * verticalTaps)) << 2);
    meanOfRows(scratch, ringMask, rowBytes, first, weights, verticalTaps, line);
    const targetRow = target + <usize>row * targetRowBytes;
    resampleLine(line, horizontal, horizontalWeights, horizontalTaps, outputColumns, targetRow, planeBytes, windows);
  }
}
