import type { SliceCrop } from './case.ts';

/** A place in an oriented slice, in its pixels. */
export interface Point {
  row: number;
  column: number;
}

/** The place of a key slice through which its other planes are laid: where the vertebral bodies lie in the analysed field, which reaches from teeth to spinous process. It needs no heatmap. */
export function keyPoint({ top, bottom, left, right }: Pick<SliceCrop, 'top' | 'bottom' | 'left' | 'right'>): Point {
  return { row: top + 0.6 * (bottom - top), column: (left + right) / 2 };
}
