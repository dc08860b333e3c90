import type { Box } from './box.ts';

/** A display window in Hounsfield units: values from center - width/2 to center + width/2 map to 0..1, linearly. */
export interface WindowHu {
  centerHu: number;
  widthHu: number;
}

/** The paper's gross bone window (section 2.1, third scheme): the one that finds the bone, and the first channel. */
export const GROSS_BONE: WindowHu = { centerHu: 400, widthHu: 650 };
/** The paper's standard bone window (section 2.1, second scheme): the second channel. */
export const STANDARD_BONE: WindowHu = { centerHu: 500, widthHu: 1800 };
/** The paper's soft tissue window (section 2.1, first scheme): the third channel. */
export const SOFT_TISSUE: WindowHu = { centerHu: 80, widthHu: 300 };

/** Writes the part of an image `[row][column]` that lies in `box` through the window into `target`, as 0..1 and row-major. */
export function applyWindow(
  hu: Float32Array | Int16Array,
  columns: number,
  box: Box,
  window: WindowHu,
  target: Float32Array,
): void {
  const lowest = window.centerHu - window.widthHu / 2;
  const scale = 1 / window.widthHu;
  let to = 0;
  for (let row = box.top; row < box.bottom; row++) {
    const end = row * columns + box.right;
    for (let i = row * columns + box.left; i < end; i++) {
      const value = (hu[i]! - lowest) * scale;
      target[to++] = value > 0 ? (value < 1 ? value : 1) : 0;
    }
  }
}
