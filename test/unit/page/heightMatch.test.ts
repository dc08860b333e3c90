import { describe, expect, it } from 'vitest';
import { matchHeights, type HeightProfile } from '../../../src/page/case/heightMatch.ts';
import { hasHeight, nearestSlice, offsetOfTops } from '../../../src/page/case/linkedHeights.ts';
import { sliceProfile, type SliceProfile } from '../../../src/page/case/sliceProfile.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams, type PhantomOptions, type PhantomParams } from '../../../src/phantom/phantomParams.ts';

/** Values of a neck by hand, each given at some depths, mm below the vertex, and straight between them. */
const NECK: Readonly<Record<keyof SliceProfile, readonly (readonly [depthMm: number, value: number])[]>> = {
  widthMm: [
    [0, 150],
    [90, 140],
    [140, 118],
    [190, 130],
    [260, 230],
  ],
  depthMm: [
    [0, 185],
    [70, 170],
    [130, 125],
    [200, 135],
    [260, 170],
  ],
  bodyCm2: [
    [0, 230],
    [80, 190],
    [140, 112],
    [190, 140],
    [260, 330],
  ],
  boneCm2: [
    [0, 30],
    [60, 44],
    [90, 31],
    [150, 11],
    [260, 28],
  ],
  airCm2: [
    [0, 0],
    [50, 19],
    [80, 7],
    [180, 3],
    [260, 40],
  ],
};

function valueAt(points: readonly (readonly [number, number])[], depthMm: number): number {
  const below = points.findIndex(([at]) => at >= depthMm);
  const [[fromMm, from], [toMm, to]] = [points[below - 1] ?? points[0]!, points[below]!];
  return toMm === fromMm ? to : from + ((to - from) * (depthMm - fromMm)) / (toMm - fromMm);
}

const profileAt = (depthMm: number): SliceProfile => ({
  widthMm: valueAt(NECK.widthMm, depthMm),
  depthMm: valueAt(NECK.depthMm, depthMm),
  bodyCm2: valueAt(NECK.bodyCm2, depthMm),
  boneCm2: valueAt(NECK.boneCm2, depthMm),
  airCm2: valueAt(NECK.airCm2, depthMm),
});

/** A scan from one depth to another; its table stands so that the vertex is at `vertexMm`. */
function scanOf(fromMm: number, toMm: number, everyMm: number, vertexMm: number): HeightProfile {
  const depths = Array.from({ length: Math.floor((toMm - fromMm) / everyMm) + 1 }, (_, at) => fromMm + at * everyMm);
  return depths.map((depthMm) => ({ positionMm: vertexMm - depthMm, profile: profileAt(depthMm) }));
}

describe('the height of two scans, by hand-made profiles', () => {
  const scan = scanOf(20, 200, 1, 0);

  it.each<[string, HeightProfile, number]>([
    ['the same scan', scan, 0],
    ['another table position', scanOf(20, 200, 1, -412.5), -412.5],
    ['another start', scanOf(60, 250, 1, 37), 37],
    ['a shorter scan within it', scanOf(70, 160, 1, 5), 5],
    ['thicker slices between its own', scanOf(21.3, 230, 3, 118.2), 118.2],
    ['slices in reversed order', scanOf(40, 200, 2.5, -60).toReversed(), -60],
    ['a part of the head that has little to do with it', scanOf(0, 110, 0.7, 900), 900],
  ])('%s', (_, prior, vertexMm) => {
    expect(Math.abs(matchHeights(scan, prior)! - vertexMm)).toBeLessThan(1);
    expect(Math.abs(matchHeights(prior, scan)! + vertexMm)).toBeLessThan(1);
  });

  it('missing slices do not matter', () => {
    const prior = scanOf(40, 220, 1, 55).filter(({ positionMm }) => positionMm > -60 || positionMm < -75);
    expect(Math.abs(matchHeights(scan, prior)! - 55)).toBeLessThan(1);
  });

  const all = (profile: (depthMm: number) => SliceProfile): HeightProfile =>
    scanOf(0, 200, 2, 0).map(({ positionMm }) => ({ positionMm, profile: profile(-positionMm) }));
  const wave = (depthMm: number): SliceProfile => {
    const high = 1 + Math.sin((2 * Math.PI * depthMm) / 50);
    return {
      widthMm: 150 + 60 * high,
      depthMm: 150 + 50 * high,
      bodyCm2: 90 * high,
      boneCm2: 20 * high,
      airCm2: 9 * high,
    };
  };
  it.each<[string, HeightProfile, HeightProfile]>([
    ['have too little in common', scanOf(0, 110, 1, 0), scanOf(60, 250, 1, 0)],
    ['look alike in several places', all(wave), all(wave)],
    ['look alike everywhere', all(() => profileAt(100)), all(() => profileAt(100))],
    ['are of different bodies', scan, all((depthMm) => profileAt(Math.abs(((depthMm * 3) % 400) - 200)))],
    ['are of one slice', scan, scan.slice(0, 1)],
    ['have no slices', [], scan],
  ])('is not told of scans that %s', (_, one, other) => {
    expect(matchHeights(one, other)).toBeNull();
  });
});

/** The scan of one patient at another table position, through the profiles of its pixels. */
function phantomScan(seed: number, options: PhantomOptions, over: (params: PhantomParams) => PhantomParams) {
  const params = over(drawPhantomParams(seed, { fractures: 'none', rows: 64, ...options }));
  const phantom = generatePhantom(params);
  const { hu, rows, columns, slices, pixelSpacingMm } = phantom;
  const profile = (fieldMm: number): HeightProfile =>
    Array.from({ length: slices }, (_, at) => ({
      positionMm: phantom.imagePositionPatientMm(at)[2],
      profile: sliceProfile(
        { hu: hu.subarray(at * rows * columns, (at + 1) * rows * columns), rows, columns },
        [pixelSpacingMm, pixelSpacingMm],
        fieldMm,
      ),
    }));
  return { profile, widthMm: columns * pixelSpacingMm };
}

describe('the height of two scans of a phantom', () => {
  it.each([11, 12])('is found whatever start, spacing, field, kernel and order of slices (patient %i)', (seed) => {
    const scan = phantomScan(seed, { sliceSpacingMm: 2, fieldOfViewMm: 220, kernel: 'soft' }, (params) => ({
      ...params,
      position: { ...params.position, tableZMm: 15.5 },
    }));
    const prior = phantomScan(seed, { sliceSpacingMm: 3, fieldOfViewMm: 170, kernel: 'bone' }, (params) => ({
      ...params,
      position: { ...params.position, tableZMm: -310.2, offsetXMm: params.position.offsetXMm + 6 },
      tissue: { ...params.tissue, contrastHu: 250 },
    }));
    const fieldMm = 0.9 * Math.min(scan.widthMm, prior.widthMm);
    const [now, then] = [scan.profile(fieldMm), prior.profile(fieldMm)];
    const cut = then.slice(Math.floor(then.length / 4)).toReversed();
    for (const other of [then, cut]) expect(Math.abs(matchHeights(now, other)! + 325.7)).toBeLessThan(3);
  });
});

describe('the profile of a slice', () => {
  it('measures the body and not the table below it, and only so far from its middle', () => {
    // 2 mm pixels: a body of 120 mm x 80 mm with bone of 20 x 20 and air of 8 x 16, the shell of a table 12 mm below it.
    const [rows, columns] = [100, 120];
    const hu = new Int16Array(rows * columns).fill(-1000);
    const fill = (top: number, left: number, height: number, width: number, value: number) => {
      for (let row = top; row < top + height; row += 1)
        hu.fill(value, row * columns + left, row * columns + left + width);
    };
    fill(20, 20, 40, 60, 40);
    fill(40, 44, 10, 10, 700);
    fill(26, 48, 8, 4, -1000);
    fill(66, 4, 2, 112, 300);
    const slice = { hu, rows, columns };
    expect(sliceProfile(slice, [2, 2], 400)).toEqual({
      widthMm: 120,
      depthMm: 80,
      bodyCm2: 96 - 1.28,
      boneCm2: 4,
      airCm2: 1.28,
    });
    expect(sliceProfile(slice, [2, 2], 80).widthMm).toBe(80);
  });

  it('of an empty slice is nothing', () => {
    const slice = { hu: new Int16Array(64 * 64).fill(-1000), rows: 64, columns: 64 };
    expect(Object.values(sliceProfile(slice, [3, 3], 200))).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('slices at a height', () => {
  const positionsMm = [-10, -12.5, -15, -20];

  it('are the nearest ones, in either direction of the numbers', () => {
    expect([-11, -11.5, -17, 400, -400].map((mm) => nearestSlice(positionsMm, mm))).toEqual([0, 1, 2, 0, 3]);
    expect(nearestSlice(positionsMm.toReversed(), -11.5)).toBe(2);
  });

  it('exist only within the scan', () => {
    expect([-7, -8, -20, -22, -23].map((mm) => hasHeight(positionsMm, 2.5, mm))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('are counted from the top while nothing better is known', () => {
    expect(offsetOfTops(positionsMm, [100, 99, 98])).toBe(110);
  });
});
