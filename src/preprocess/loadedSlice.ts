import { readFileSync } from 'node:fs';
import type { AxisWeights } from './axisWeights.ts';
import { axisWeights } from './axisWeights.ts';
import type { Box } from './box.ts';
import { GROSS_BONE } from './windows.ts';
import type { WindowHu } from './windows.ts';

/** What kernel/sliceKernel.ts exports; addresses in bytes. */
interface KernelExports {
  memory: WebAssembly.Memory;
  countLevels: (
    hu: number,
    pixels: number,
    counts: number,
    lowestHu: number,
    highestHu: number,
    perWidth: number,
  ) => void;
  boneBounds: (
    hu: number,
    rows: number,
    columns: number,
    withinAboveHu: number,
    boneAboveHu: number,
    scratch: number,
    capacity: number,
    box: number,
  ) => number;
  windowAndResample: (
    source: number,
    sourceColumns: number,
    columns: number,
    windowsHu: number,
    windows: number,
    vertical: number,
    outputRows: number,
    verticalTaps: number,
    horizontal: number,
    outputColumns: number,
    horizontalTaps: number,
    scratch: number,
    ringRows: number,
    target: number,
    targetRowBytes: number,
    planeBytes: number,
  ) => void;
}

const PAGE_BYTES = 65_536;
/** The image lies behind the first page, which holds small results. */
const HU = PAGE_BYTES;
const LEVELS = 256;
/** Windows that the kernel applies at once: one in each lane of a vector. */
const LANES = 4;
/** More memory than this is given back before the next slice: WebAssembly memory never shrinks, and one huge image must not stay. */
const KEPT_BYTES = 32 * 1024 * 1024;

let compiled: WebAssembly.Module | undefined;
let kernel: KernelExports | undefined;

/** In a checkout the build or the test setup makes it (scripts/buildKernel.mjs). */
const MODULE = new URL('./kernel/sliceKernel.wasm', import.meta.url);

/** The kernel, compiled when it is first needed; a fresh one when its memory has grown too large to keep. */
function kernelForNextSlice(): KernelExports {
  if (kernel === undefined || kernel.memory.buffer.byteLength > KEPT_BYTES) {
    compiled ??= new WebAssembly.Module(readFileSync(MODULE));
    kernel = new WebAssembly.Instance(compiled).exports as unknown as KernelExports;
  }
  return kernel;
}

/** The memory, grown to at least this much. */
function atLeast(bytes: number, memory: WebAssembly.Memory): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  return memory.buffer;
}

/** A slice in the memory of the kernel; valid until the next one is loaded. */
export interface LoadedSlice {
  readonly rows: number;
  readonly columns: number;
  /** How many pixels have each 8-bit level of the gross bone window: 0 at its lower end and below, 255 at its upper end and above. */
  levelCounts(): Int32Array;
  /**
   * The box around the pixels above `boneAboveHu` that lie in the largest 8-connected component of the pixels above `withinAboveHu`, of equal ones the
   * first in raster order; null when there is none.
   */
  boneBounds(withinAboveHu: number, boneAboveHu: number): Box | null;
  /**
   * Part of the slice, seen through each window and brought to a place in a square: `[channel][row][column]`, 0..1, zero around it.
   *
   * @param crop what is taken of the slice, at least a pixel each way
   * @param place where it comes to lie in the square of `size` pixels a side; at least a pixel is drawn each way
   */
  windowedSquare(crop: Box, windowsHu: readonly WindowHu[], size: number, place: Place): Float32Array;
}

/** A place in the square, pixels. */
interface Place {
  top: number;
  left: number;
  rows: number;
  columns: number;
}

/** Loads a slice, `[row][column]` in Hounsfield units, into the kernel in place of the one before. */
export function loadSlice(hu: Float32Array | Int16Array, rows: number, columns: number): LoadedSlice {
  const pixels = rows * columns;
  const { memory, countLevels, boneBounds, windowAndResample } = kernelForNextSlice();
  const free = align(HU + 4 * pixels);
  new Float32Array(atLeast(free, memory), HU, pixels).set(hu);

  return {
    rows,
    columns,
    levelCounts: () => {
      const lowestHu = GROSS_BONE.centerHu - GROSS_BONE.widthHu / 2;
      countLevels(HU, pixels, 0, lowestHu, lowestHu + GROSS_BONE.widthHu, 1 / GROSS_BONE.widthHu);
      return new Int32Array(memory.buffer, 0, LEVELS).slice();
    },
    boneBounds: (withinAboveHu, boneAboveHu) => {
      const mostRuns = rows * Math.ceil(columns / 2);
      const buffer = atLeast(free + 4 * 4 * mostRuns, memory);
      const [within, bone] = [float32AtMost(withinAboveHu), float32AtMost(boneAboveHu)];
      if (boneBounds(HU, rows, columns, within, bone, free, mostRuns, 0) === 0) return null;
      const [top, left, bottom, right] = new Int32Array(buffer, 0, 4) as unknown as [number, number, number, number];
      return { top, left, bottom, right };
    },
    windowedSquare: (crop, windowsHu, size, place) => {
      const cropColumns = crop.right - crop.left;
      const outputRows = Math.max(1, place.rows);
      const outputColumns = Math.max(1, place.columns);
      const vertical = axisWeights(crop.bottom - crop.top, outputRows);
      const horizontal = axisWeights(cropColumns, outputColumns);
      const ringRows = 2 ** Math.ceil(Math.log2(vertical.taps));
      const verticalAt = free;
      const horizontalAt = verticalAt + bytesOf(vertical);
      const scratch = align(horizontalAt + bytesOf(horizontal));
      const square = align(scratch + (ringRows + 1) * cropColumns * 16);
      const planeBytes = 4 * size * size;
      const squareBytes = windowsHu.length * planeBytes;
      const buffer = atLeast(square + squareBytes, memory);
      writeWeights(buffer, verticalAt, vertical);
      writeWeights(buffer, horizontalAt, horizontal);
      const result = new Float32Array(buffer, square, squareBytes / 4).fill(0);
      for (let first = 0; first < windowsHu.length; first += LANES) {
        const group = windowsHu.slice(first, first + LANES);
        writeWindows(buffer, group);
        windowAndResample(
          HU + 4 * (crop.top * columns + crop.left),
          columns,
          cropColumns,
          0,
          group.length,
          verticalAt,
          outputRows,
          vertical.taps,
          horizontalAt,
          outputColumns,
          horizontal.taps,
          scratch,
          ringRows,
          square + first * planeBytes + 4 * (place.top * size + place.left),
          4 * size,
          planeBytes,
        );
      }
      return result.slice();
    },
  };
}

function align(address: number): number {
  return Math.ceil(address / 16) * 16;
}

function bytesOf({ firsts, weights }: AxisWeights): number {
  return firsts.byteLength + weights.byteLength;
}

function writeWeights(buffer: ArrayBuffer, at: number, { firsts, weights }: AxisWeights): void {
  new Int32Array(buffer, at, firsts.length).set(firsts);
  new Float32Array(buffer, at + firsts.byteLength, weights.length).set(weights);
}

/** Lanes without a window keep zeros: their results are not stored. */
function writeWindows(buffer: ArrayBuffer, windowsHu: readonly WindowHu[]): void {
  const lanes = new Float32Array(buffer, 0, 2 * LANES).fill(0);
  for (const [lane, { centerHu, widthHu }] of windowsHu.entries()) {
    lanes[lane] = centerHu - widthHu / 2;
    lanes[LANES + lane] = 1 / widthHu;
  }
}

/** The greatest 32-bit number that is not above `value`: a 32-bit pixel is above the one exactly when it is above the other. */
function float32AtMost(value: number): number {
  const nearest = Math.fround(value);
  if (nearest <= value) return nearest;
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, nearest);
  // The numbers of one sign stand in the order of their bits.
  if (nearest > 0) bits.setUint32(0, bits.getUint32(0) - 1);
  else bits.setUint32(0, bits.getUint32(0) + 1);
  return bits.getFloat32(0);
}
