import type { Box } from './box.ts';
import type { LoadedSlice } from './loadedSlice.ts';
import { GROSS_BONE } from './windows.ts';

/**
 * How the bone is found on a slice. `largest-bone` is the paper's rule taken literally: the largest component above
 * Otsu's threshold. At the atlas it keeps the jaw and loses the spine, so `bone-in-body` takes all bone above Otsu's
 * threshold that lies inside the largest component above -300 HU, the body: couch and head holder stay outside.
 */
export const CROP_RULES = ['bone-in-body', 'largest-bone'] as const;
export type CropRule = (typeof CROP_RULES)[number];

export interface BoneCrop {
  box: Box;
  /** True when no bone was found: the box is then the whole frame. */
  fullFrame: boolean;
}

/** What the crop asks of a slice. */
export type CroppedSlice = Pick<LoadedSlice, 'rows' | 'columns' | 'levelCounts' | 'boneBounds'>;

const BODY_ABOVE_HU = -300;
const LOWEST_HU = GROSS_BONE.centerHu - GROSS_BONE.widthHu / 2;
const PER_WIDTH = 1 / GROSS_BONE.widthHu;
const HIGHEST_HU = GROSS_BONE.centerHu + GROSS_BONE.widthHu / 2;

/** The 8-bit level of a value inside the gross bone window; below the window it is 0, above it 255. */
function levelOf(hu: number): number {
  return Math.trunc(Math.fround((hu - LOWEST_HU) * PER_WIDTH) * 255 + 0.5);
}

/**
 * Otsu's threshold of 8-bit levels: the last level of the lower class that maximises the variance between the classes
 * (Otsu 1979), or null when all pixels have one level.
 */
function otsuThreshold(counts: Int32Array): number | null {
  let pixels = 0;
  let total = 0;
  for (let level = 0; level < 256; level++) {
    pixels += counts[level]!;
    total += level * counts[level]!;
  }
  let best: number | null = null;
  let bestVariance = 0;
  let below = 0;
  let belowSum = 0;
  for (let level = 0; level < 255; level++) {
    below += counts[level]!;
    belowSum += level * counts[level]!;
    const above = pixels - below;
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

/** The greatest value that has this level; anything above has a higher level. Found by bisection, so that it matches the rounding of {@link levelOf}. */
function greatestHuOf(level: number): number {
  let within = LOWEST_HU;
  let beyond = HIGHEST_HU;
  while (true) {
    const middle = (within + beyond) / 2;
    if (middle === within || middle === beyond) return within;
    if (levelOf(middle) > level) beyond = middle;
    else within = middle;
  }
}

/**
 * The paper's crop (section 2.1): bone by Otsu's method on the gross bone window, with `marginFraction` of the bone's
 * height and width added on each side, inside the frame. A slice without bone gives the frame.
 */
export function otsuCrop(slice: CroppedSlice, rule: CropRule, marginFraction: number): BoneCrop {
  const { rows, columns } = slice;
  const frame: BoneCrop = { box: { top: 0, left: 0, bottom: rows, right: columns }, fullFrame: true };
  const threshold = otsuThreshold(slice.levelCounts());
  if (threshold === null) return frame;
  const boneAboveHu = greatestHuOf(threshold);
  const bone = slice.boneBounds(rule === 'largest-bone' ? boneAboveHu : BODY_ABOVE_HU, boneAboveHu);
  if (bone === null) return frame;
  const marginRows = Math.round((bone.bottom - bone.top) * marginFraction);
  const marginColumns = Math.round((bone.right - bone.left) * marginFraction);
  return {
    box: {
      top: Math.max(0, bone.top - marginRows),
      left: Math.max(0, bone.left - marginColumns),
      bottom: Math.min(rows, bone.bottom + marginRows),
      right: Math.min(columns, bone.right + marginColumns),
    },
    fullFrame: false,
  };
}
