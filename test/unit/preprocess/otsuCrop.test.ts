import { describe, expect, it } from 'vitest';
import type { Box } from '../../../src/preprocess/box.ts';
import { otsuCrop, type CroppedSlice, type CropRule } from '../../../src/preprocess/otsuCrop.ts';

/** A slice that has so many pixels of each level, and bone in `bone`; it notes what it was asked for. */
function sliceOf(levels: Readonly<Record<number, number>>, bone: Box | null, rows = 100, columns = 200) {
  const asked: [withinAboveHu: number, boneAboveHu: number][] = [];
  const slice: CroppedSlice = {
    rows,
    columns,
    levelCounts: () => Int32Array.from({ length: 256 }, (_, level) => levels[level] ?? 0),
    boneBounds: (within, above) => {
      asked.push([within, above]);
      return bone;
    },
  };
  return { slice, asked };
}
const BONE = { top: 10, left: 20, bottom: 30, right: 60 };
/** The upper end of a level of the gross bone window, by hand: 650 HU from 75 on are 255 steps, and a level reaches half a step up. */
const upperEndOf = (level: number): number => 75 + ((level + 0.5) * 650) / 255;

describe('the threshold of the bone, by hand (Otsu 1979)', () => {
  it.each<[string, Record<number, number>, number]>([
    ['two levels: all above the lower one', { 50: 10, 200: 5 }, 50],
    ['one pixel below', { 50: 1, 200: 5 }, 50],
    ['one pixel above', { 50: 5, 200: 1 }, 50],
    // Between the classes: 4 x 6 x 165^2 = 653,400 after 10, 7 x 3 x 201.4^2 = 852,043 after 100.
    ['three levels, the upper one far off', { 10: 4, 100: 3, 250: 3 }, 100],
    // 4 x 6 x 165^2 = 653,400 after 10, 7 x 3 x 94.3^2 = 186,686 after 160.
    ['three levels, the lower one far off', { 10: 4, 160: 3, 190: 3 }, 10],
    ['the two lowest levels', { 0: 7, 1: 3 }, 0],
    ['the two highest levels', { 254: 3, 255: 7 }, 254],
  ])('%s', (_, levels, threshold) => {
    const { slice, asked } = sliceOf(levels, BONE);
    otsuCrop(slice, 'largest-bone', 0);
    const [[within, above]] = asked as [[number, number]];
    expect(above).toBeCloseTo(upperEndOf(threshold), 3);
    expect(within).toBe(above);
  });

  it('looks for bone inside everything above -300 HU where the rule says so', () => {
    const { slice, asked } = sliceOf({ 50: 10, 200: 5 }, BONE);
    otsuCrop(slice, 'bone-in-body', 0);
    expect(asked).toEqual([[-300, expect.closeTo(upperEndOf(50), 3)]]);
  });
});

describe('the crop', () => {
  const crop = (bone: Box | null, margin: number, rows = 100, columns = 200, rule: CropRule = 'bone-in-body') =>
    otsuCrop(sliceOf({ 50: 10, 200: 5 }, bone, rows, columns).slice, rule, margin);

  it.each<[string, number, [rows: number, columns: number], Box]>([
    ['as the bone is, without a margin', 0, [100, 200], BONE],
    // 20 rows and 40 columns of bone: 3 and 6 more on each side.
    [
      'with a share of its height and width on each side',
      0.15,
      [100, 200],
      { top: 7, left: 14, bottom: 33, right: 66 },
    ],
    ['with a margin that is rounded', 0.13, [100, 200], { top: 7, left: 15, bottom: 33, right: 65 }],
    ['inside the frame at the head and the left', 0.6, [100, 200], { top: 0, left: 0, bottom: 42, right: 84 }],
    ['inside the frame at the foot and the right', 0.15, [31, 62], { top: 7, left: 14, bottom: 31, right: 62 }],
  ])('%s', (_, margin, [rows, columns], box) => {
    expect(crop(BONE, margin, rows, columns)).toEqual({ box, fullFrame: false });
  });

  it('is the frame without bone, and where all pixels are of one level', () => {
    const frame = { box: { top: 0, left: 0, bottom: 100, right: 200 }, fullFrame: true };
    expect(crop(null, 0.15)).toEqual(frame);
    for (const level of [0, 128, 255]) {
      const { slice, asked } = sliceOf({ [level]: 9 }, BONE);
      expect(otsuCrop(slice, 'bone-in-body', 0.15)).toEqual(frame);
      expect(asked).toEqual([]);
    }
  });
});
