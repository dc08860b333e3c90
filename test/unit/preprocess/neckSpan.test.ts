import { describe, expect, it } from 'vitest';
import { bodySpan, neckSpan, showsMoreThanNeck, type SliceProfile } from '../../../src/preprocess/neckSpan.ts';

/** Tissue in cm² of every eighth slice of public head-and-neck CTs (ababier/open-kbp), 20 mm apart, and the index of the narrowest. */
const REAL: readonly [name: string, stepMm: number, areas: readonly number[], narrowest: number][] = [
  ['pt_13', 20, [245, 265, 262, 225, 218, 223, 200, 187, 146, 157, 245, 416, 565, 637, 682, 707], 8],
  ['pt_3', 20, [246, 257, 233, 259, 242, 213, 176, 150, 184, 372, 568, 737, 807, 822, 830, 797], 7],
  ['pt_7', 20, [241, 239, 243, 242, 219, 189, 143, 121, 128, 236, 379, 505, 584, 614, 627, 625], 7],
];
const profile = (areas: readonly number[], stepMm: number): SliceProfile[] =>
  areas.map((tissueAreaCm2, index) => ({ positionMm: 500 - index * stepMm, tissueAreaCm2 }));
const found = (areas: readonly number[], stepMm = 20) => {
  const slices = profile(areas, stepMm);
  return neckSpan(slices, bodySpan(slices)!);
};

describe('neckSpan', () => {
  it.each(REAL)(
    'finds the neck of %s: 110 mm above and 80 mm below where it is narrowest',
    (_, stepMm, areas, narrowest) => {
      expect(found(areas, stepMm)).toEqual({ first: narrowest - 5, last: narrowest + 4 });
    },
  );

  it('finds it above a trunk with a waist and legs, and in a child', () => {
    const neck = [60, 150, 240, 260, 240, 200, 150, 120, 130, 200, 380, 600, 650];
    const below = [620, 560, 480, 500, 640, 610, 300, 250, 220, 200, 180, 120, 90];
    expect(found([...neck, ...below])).toEqual({ first: 2, last: 11 });
    expect(found([110, 160, 150, 110, 60, 58, 90, 200, 260, 300])).toEqual({ first: 0, last: 9 });
  });

  it.each([
    ['begins below the head', [130, 150, 260, 420, 600, 640, 650]],
    ['shows no shoulders, because the field of view cuts them off', [250, 240, 200, 150, 130, 150, 200, 230, 240]],
    ['is a trunk', [600, 640, 650, 600, 580, 600]],
    ['is a leg', [180, 170, 160, 140, 120, 110, 150, 140]],
  ])('finds none in a scan that %s', (_, areas) => {
    expect(found(areas)).toBeNull();
  });
});

describe('bodySpan', () => {
  it('is the longest stretch without an empty slice', () => {
    expect(bodySpan(profile([3, 150, 4, 160, 170, 180, 5, 150, 160], 2))).toEqual({ first: 3, last: 5 });
    expect(bodySpan(profile([3, 4, 5], 2))).toBeNull();
  });

  it('is more than a neck when it is longer than any scan of one', () => {
    expect(showsMoreThanNeck(profile([150, 150, 150], 150), { first: 0, last: 2 })).toBe(false);
    expect(showsMoreThanNeck(profile([150, 150, 150], 151), { first: 0, last: 2 })).toBe(true);
  });
});
