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

/** Slices at places of their own: `[positionMm, tissueAreaCm2]`. */
const placed = (slices: readonly (readonly [number, number])[]): SliceProfile[] =>
  slices.map(([positionMm, tissueAreaCm2]) => ({ positionMm, tissueAreaCm2 }));
const foundIn = (slices: readonly (readonly [number, number])[]) => {
  const profiles = placed(slices);
  return neckSpan(profiles, { first: 0, last: profiles.length - 1 });
};

describe('what a narrowing between head and shoulders is', () => {
  it.each<[string, number[], boolean]>([
    ['a neck of 85 % of the head', [200, 170, 306], true],
    ['wider than that', [200, 170.5, 400], false],
    ['shoulders of 1.8 necks', [200, 170, 305.5], false],
    ['shoulders of 1.2 heads', [200, 100, 240], true],
    ['less than that', [200, 100, 239.5], false],
    ['below a head that comes after a narrower first slice', [150, 200, 170, 306], true],
    ['with its narrowest slice after a wider one', [200, 165, 120, 150, 240], true],
    ['without a head: it begins at its widest', [120, 130, 400, 500], false],
    ['with a chin that is wider than the head, before it is narrow', [200, 230, 195, 352], true],
  ])('%s', (_, areas, isNeck) => {
    expect(found(areas) !== null).toBe(isNeck);
  });

  it('reaches from 110 mm above the narrowest slice to 80 mm below it', () => {
    const slices = [
      [510.5, 200],
      [510, 201],
      [400, 100],
      [380, 300],
      [320, 301],
      [319.5, 302],
    ] as const;
    expect(foundIn(slices)).toEqual({ first: 1, last: 4 });
    // Slices of the table, outside the body, are not of the neck.
    expect(neckSpan(placed(slices), { first: 2, last: 3 })).toBeNull();
    expect(
      neckSpan(
        placed([
          [509, 19],
          [500, 201],
          [400, 100],
          [380, 300],
          [340, 19],
        ]),
        { first: 1, last: 3 },
      ),
    ).toEqual({
      first: 1,
      last: 3,
    });
  });

  it('is about the uppermost of several that are as narrow', () => {
    const slices = [
      [510, 200],
      [400, 100],
      [390, 100],
      [380, 300],
      [320, 301],
      [315, 302],
    ] as const;
    expect(foundIn(slices)).toEqual({ first: 0, last: 4 });
  });

  it('is seen in areas that are the middle of those within 6 mm', () => {
    const withNeighbours = (mm: number) => [
      [500, 200] as const,
      [400 + 2 * mm, 210] as const,
      [400 + mm, 211] as const,
      [400, 100] as const,
      [400 - mm, 205] as const,
      [400 - 2 * mm, 206] as const,
      [300, 390] as const,
    ];
    expect(foundIn(withNeighbours(6))).toBeNull();
    expect(foundIn(withNeighbours(6.5))).toEqual({ first: 0, last: 5 });
  });
});

describe('bodySpan', () => {
  it('has slices of 20 cm² and more, and of two as long stretches is the first', () => {
    expect(bodySpan(profile([19.9, 20, 21, 19.9, 40], 2))).toEqual({ first: 1, last: 2 });
    expect(bodySpan(profile([40, 41, 3, 42, 43], 2))).toEqual({ first: 0, last: 1 });
    expect(bodySpan(profile([40, 41, 3, 42, 43, 44], 2))).toEqual({ first: 3, last: 5 });
    expect(bodySpan(profile([3, 42], 2))).toEqual({ first: 1, last: 1 });
    expect(bodySpan([])).toBeNull();
  });

  it('is the longest stretch without an empty slice', () => {
    expect(bodySpan(profile([3, 150, 4, 160, 170, 180, 5, 150, 160], 2))).toEqual({ first: 3, last: 5 });
    expect(bodySpan(profile([3, 4, 5], 2))).toBeNull();
  });

  it('is more than a neck when it is longer than any scan of one', () => {
    expect(showsMoreThanNeck(profile([150, 150, 150], 150), { first: 0, last: 2 })).toBe(false);
    expect(showsMoreThanNeck(profile([150, 150, 150], 151), { first: 0, last: 2 })).toBe(true);
  });
});
