import type { Anatomy } from '../case/case.ts';
import { median } from '../statistics/median.ts';

/** Properties of the scans that a network was trained on, as the median over the slices of a scan. */
export interface AnatomyRange {
  tissueAreaCm2: { low: number; high: number };
  boneAreaCm2: { low: number; high: number };
}

const TISSUE_ABOVE_HU = -150;
const BONE_ABOVE_HU = 250;

/** Areas of a slice, `[row][column]`; `pixelSpacingMm` between rows and between columns. */
export function measureAnatomy(hu: Float32Array | Int16Array, [rowMm, columnMm]: readonly [number, number]): Anatomy {
  let tissue = 0;
  let bone = 0;
  for (let i = 0; i < hu.length; i++) {
    const value = hu[i]!;
    if (value > TISSUE_ABOVE_HU) tissue++;
    if (value > BONE_ABOVE_HU) bone++;
  }
  const pixelCm2 = (rowMm * columnMm) / 100;
  return { tissueAreaCm2: tissue * pixelCm2, boneAreaCm2: bone * pixelCm2 };
}

const NAMES = { tissueAreaCm2: 'tissue', boneAreaCm2: 'bone' } as const;

/** Why these slices are not a scan of the body part that the range was taken from, in words for a reader; null when nothing contradicts it. */
export function outsideAnatomy(slices: readonly Anatomy[], range: AnatomyRange): string | null {
  for (const key of ['tissueAreaCm2', 'boneAreaCm2'] as const) {
    const area = median(slices.map((slice) => slice[key]));
    const { low, high } = range[key];
    if (area === null || (area >= low && area <= high)) continue;
    return `${area.toFixed(0)} cm² of ${NAMES[key]} in a slice, ${low.toFixed(0)} to ${high.toFixed(0)} in tested scans: not a neck`;
  }
  return null;
}
