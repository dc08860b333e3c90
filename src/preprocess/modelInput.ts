import type { Box } from './box.ts';
import { loadSlice } from './loadedSlice.ts';
import type { CropRule } from './otsuCrop.ts';
import { otsuCrop } from './otsuCrop.ts';
import type { WindowHu } from './windows.ts';

/** The model input as described in the manifest. */
export interface InputSpec {
  /** Side of the square input, pixels. */
  sizePixels: number;
  /** One window per channel, in channel order; the paper's are gross bone, standard bone, soft tissue. */
  windowsHu: readonly WindowHu[];
  cropRule: CropRule;
  /** Margin on each side of the bone, as a fraction of its height and width. */
  marginFraction: number;
}

/** An axial slice in the trained orientation: rows run anterior to posterior, columns from the patient's right to left. */
export interface OrientedSlice {
  /** `[row][column]`, Hounsfield units. */
  hu: Float32Array | Int16Array;
  rows: number;
  columns: number;
}

export interface ModelInput {
  /** `[channel][row][column]`, 0..1. */
  tensor: Float32Array;
  /**
   * Where the input square lies in the slice, pixels, half open: the crop with its zero padding, so it can extend beyond
   * the slice. A class activation map covers exactly this box.
   */
  box: Box;
  /** The crop alone: the part of the slice that the network sees. */
  crop: Box;
  /** True when no bone was found and the crop is the whole frame. */
  fullFrame: boolean;
}

/**
 * Converts a slice to the network's input (paper, section 2.1): windows, crop to the bone, one scale for both axes so that the
 * longer side fills the square, zero padding on both sides of the shorter.
 */
export function modelInput(image: OrientedSlice, spec: InputSpec): ModelInput {
  const slice = loadSlice(image.hu, image.rows, image.columns);
  const size = spec.sizePixels;
  const { box: crop, fullFrame } = otsuCrop(slice, spec.cropRule, spec.marginFraction);
  const cropRows = crop.bottom - crop.top;
  const cropColumns = crop.right - crop.left;
  const side = Math.max(cropRows, cropColumns);
  const innerRows = Math.max(1, Math.round((cropRows * size) / side));
  const innerColumns = Math.max(1, Math.round((cropColumns * size) / side));
  const padTop = (size - innerRows) >> 1;
  const padLeft = (size - innerColumns) >> 1;
  const tensor = slice.windowedSquare(crop, spec.windowsHu, size, {
    top: padTop,
    left: padLeft,
    rows: innerRows,
    columns: innerColumns,
  });

  const top = crop.top - Math.round((padTop * side) / size);
  const left = crop.left - Math.round((padLeft * side) / size);
  return { tensor, box: { top, left, bottom: top + side, right: left + side }, crop, fullFrame };
}
