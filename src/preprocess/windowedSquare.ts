import type { Box } from './box.ts';
import { Resampler } from './resample.ts';
import type { WindowHu } from './windows.ts';
import { applyWindow } from './windows.ts';

/**
 * Part of an image, `[row][column]`, seen through each window and brought to a place in a square: `[channel][row][column]`, 0..1, zero around it.
 *
 * @param crop what is taken of the image
 * @param place where it comes to lie in the square of `size` pixels a side, at least a pixel each way
 */
export function windowedSquare(
  hu: Float32Array | Int16Array,
  columns: number,
  crop: Box,
  windowsHu: readonly WindowHu[],
  size: number,
  place: { top: number; left: number; rows: number; columns: number },
): Float32Array {
  const cropRows = crop.bottom - crop.top;
  const cropColumns = crop.right - crop.left;
  const windowed = new Float32Array(cropRows * cropColumns);
  const resampler = new Resampler(cropRows, cropColumns, Math.max(1, place.rows), Math.max(1, place.columns));
  const square = new Float32Array(windowsHu.length * size * size);
  for (const [channel, window] of windowsHu.entries()) {
    applyWindow(hu, columns, crop, window, windowed);
    resampler.run(windowed, square, channel * size * size + place.top * size + place.left, size);
  }
  return square;
}
