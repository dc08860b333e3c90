import { largestComponent } from './largestComponent.ts';
import { GROSS_BONE } from './windows.ts';

/**
 * How the bone is found on a slice. `largest-bone` is the paper's rule read literally: the largest component above
 * Otsu's threshold. At the atlas it keeps the jaw and loses the spine, so `bone-in-body` takes all bone above Otsu's
 * threshold that lies inside the largest component above -300 HU, the body: couch and head holder stay outside.
 */
export const CROP_RULES = ['bone-in-body', 'largest-bone'] as const;
export type CropRule = (typeof CROP_RULES)[number];

/** Pixels, half open. */
export interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export interface BoneCrop {
  box: Box;
  /** True when no bone was found: the box is then the whole frame. */
  fullFrame: boolean;
}

const BODY_ABOVE_HU = -300;

/**
 * Otsu's threshold of 8-bit levels: the last level of the lower class that maximises the variance between the classes
 * (Otsu 1979), or null when all pixels have one level.
 */
export function otsuThreshold(levels: Uint8Array): number | null {
  const counts = new Float64Array(256);
  for (const level of levels) counts[level]! += 1;
  let total = 0;
  for (let level = 0; level < 256; level++) total += level * counts[level]!;
  let best: number | null = null;
  let bestVariance = 0;
  let below = 0;
  let belowSum = 0;
  for (let level = 0; level < 255; level++) {
    below += counts[level]!;
    belowSum += level * counts[level]!;
    const above = levels.length - below;
    if (below === 0 || above === 0) continue;
    const difference = belowSum / below - (total - belowSum) / above;
    const variance = below * above * difference * difference;
    if (variance > bestVariance) {
      bestVariance = variance;
      best = level;
    }
  }
  return best;
}

/**
 * The paper's crop (section 2.1): bone by Otsu's method on the gross bone window, with `marginFraction` of the bone's
 * height and width added on each side, inside the frame. `hu` is `[row][column]`. A slice without bone gives the frame.
 */
export function otsuCrop(hu: Float32Array | Int16Array, rows: number, columns: number, rule: CropRule, marginFraction: number): BoneCrop {
  const frame: BoneCrop = { box: { top: 0, left: 0, bottom: rows, right: columns }, fullFrame: true };
  const levels = new Uint8Array(rows * columns);
  const lowest = GROSS_BONE.centerHu - GROSS_BONE.widthHu / 2;
  const scale = 1 / GROSS_BONE.widthHu;
  for (let i = 0; i < levels.length; i++) {
    const value = Math.fround((hu[i]! - lowest) * scale);
    levels[i] = value > 0 ? (value < 1 ? value * 255 + 0.5 : 255) : 0;
  }
  const threshold = otsuThreshold(levels);
  if (threshold === null) return frame;

  const bone = new Uint8Array(levels.length);
  if (rule === 'largest-bone') {
    for (let i = 0; i < bone.length; i++) bone[i] = levels[i]! > threshold ? 1 : 0;
    return crop(largestComponent(bone, rows, columns), rows, columns, marginFraction) ?? frame;
  }
  for (let i = 0; i < bone.length; i++) bone[i] = hu[i]! > BODY_ABOVE_HU ? 1 : 0;
  const body = largestComponent(bone, rows, columns);
  for (let i = 0; i < bone.length; i++) bone[i] = body[i] === 1 && levels[i]! > threshold ? 1 : 0;
  return crop(bone, rows, columns, marginFraction) ?? frame;
}

function crop(bone: Uint8Array, rows: number, columns: number, marginFraction: number): BoneCrop | null {
  let top = rows;
  let bottom = 0;
  let left = columns;
  let right = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const first = bone.indexOf(1, start);
    if (first < 0) break;
    if (first >= start + columns) {
      // Straight to the row of the next bone pixel.
      row = Math.floor(first / columns) - 1;
      continue;
    }
    const last = bone.lastIndexOf(1, start + columns - 1);
    if (row < top) top = row;
    bottom = row + 1;
    left = Math.min(left, first - start);
    right = Math.max(right, last - start + 1);
  }
  if (bottom === 0) return null;
  const marginRows = Math.round((bottom - top) * marginFraction);
  const marginColumns = Math.round((right - left) * marginFraction);
  return {
    box: {
      top: Math.max(0, top - marginRows),
      left: Math.max(0, left - marginColumns),
      bottom: Math.min(rows, bottom + marginRows),
      right: Math.min(columns, right + marginColumns),
    },
    fullFrame: false,
  };
}
