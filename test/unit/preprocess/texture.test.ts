import { describe, expect, it } from 'vitest';
import type { Texture } from '../../../src/case/case.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { measureTexture, outsideTexture, textureOf } from '../../../src/preprocess/texture.ts';

const SIDE = 192;
const random = seededRandom('texture', 1);
/** Images of soft tissue that is noise alone. */
const noise = (count: number): Float32Array[] =>
  Array.from({ length: count }, () => Float32Array.from({ length: SIDE * SIDE }, () => random.normal(40, 12)));
const scanOf = (slices: readonly Float32Array[]) => textureOf(slices.map((hu) => measureTexture(hu, SIDE, SIDE)));
/** The mean of `count` images in a row, at each of them but the last ones. */
const means = (slices: readonly Float32Array[], count: number): Float32Array[] =>
  slices
    .slice(count - 1)
    .map((_, first) =>
      slices[0]!.map((__, i) => slices.slice(first, first + count).reduce((sum, one) => sum + one[i]!, 0) / count),
    );
/** The mean of the pixels of a square around each. */
const blurred = (hu: Float32Array, reach: number): Float32Array =>
  hu.map((_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    let sum = 0;
    let count = 0;
    for (let r = Math.max(0, row - reach); r <= Math.min(SIDE - 1, row + reach); r++)
      for (let c = Math.max(0, column - reach); c <= Math.min(SIDE - 1, column + reach); c++) {
        sum += hu[r * SIDE + c]!;
        count++;
      }
    return sum / count;
  });

/** How often two normal values of this correlation differ in sign. */
const angle = (correlation: number): number => Math.acos(correlation) / Math.PI;
/** Of independent pixels: details two pixels apart have two of five pixels in common, with opposite signs. */
const OF_NOISE = angle(-0.4);

describe('the texture of a scan', () => {
  it('changes to the next slice as to any other where it is noise, and within slices as the arithmetic of detail says', () => {
    const { changeInPlane, changeAlong } = scanOf(noise(10));
    expect(Math.abs(changeInPlane! - OF_NOISE)).toBeLessThan(0.02);
    expect(Math.abs(changeAlong! - 1)).toBeLessThan(0.06);
  });

  it.each([
    [3, angle(2 / 3) / angle(0)],
    [5, angle(4 / 5) / angle(1 / 5)],
  ])(
    'changes less to the next slice in means of %i, as their correlation says, and within slices as before',
    (count, ratio) => {
      const { changeInPlane, changeAlong } = scanOf(means(noise(14), count));
      expect(Math.abs(changeAlong! - ratio)).toBeLessThan(0.06);
      expect(Math.abs(changeInPlane! - OF_NOISE)).toBeLessThan(0.03);
    },
  );

  it('changes less within blurred slices, and from one to the next as before', () => {
    const { changeInPlane, changeAlong } = scanOf(noise(8).map((hu) => blurred(blurred(hu, 2), 2)));
    expect(changeInPlane).toBeLessThan(0.4);
    expect(Math.abs(changeAlong! - 1)).toBeLessThan(0.1);
  });

  it('does not take the edges of anatomy, which go on from slice to slice, for detail', () => {
    const quiet = noise(8).map((hu) => hu.map((value, i) => 40 + (value - 40) / 6 + (i % 24 < 4 ? 60 : 0)));
    const [first, second] = quiet.map((hu) => measureTexture(hu, SIDE, SIDE).detail);
    const both = Array.from(first!).flatMap((sign, place) =>
      sign === ' ' || second![place] === ' ' ? [] : [sign === second![place]],
    );
    expect(both.filter((same) => same).length / both.length).toBeLessThan(0.6);
    expect(scanOf(quiet).changeInPlane).toBeGreaterThan(0.55);
  });

  it('is unknown of slices that show no soft tissue, or too little', () => {
    const air = new Float32Array(SIDE * SIDE).fill(-1000);
    const { detail, changeInPlane } = measureTexture(air, SIDE, SIDE);
    expect(changeInPlane).toBeNull();
    expect(detail.trim()).toBe('');
    const [one] = noise(1);
    const scrap = air.map((_, i) => (i < 5 * SIDE ? one![i]! : -1000));
    expect(scanOf([scrap, scrap, scrap, scrap, scrap])).toEqual({ changeInPlane: null, changeAlong: null });
    expect(outsideTexture([], { changeInPlane: { low: 1, high: 2 }, changeAlong: { low: 1, high: 2 } })).toBeNull();
  });

  const RANGE = { changeInPlane: { low: 0.34, high: 0.78 }, changeAlong: { low: 0.75, high: 1.25 } };
  /** Slices of 100 places, of which the first ones are negative: as many as `negative` says. */
  const slicesOf = (negative: readonly number[], changeInPlane: number | null = 0.5): Texture[] =>
    negative.map((count) => ({ changeInPlane, detail: '-'.repeat(count) + '+'.repeat(100 - count) }));
  // Half of the places of the first slice have changed in the fifth; of the four steps between, three changes of half of them are 0.75 of that, five 1.25.
  it.each([
    [0.34, [0, 50, 0, 50, 50], null],
    [0.78, [0, 100, 50, 100, 50], null],
    [
      0.31,
      [0, 50, 0, 50, 50],
      'blurred or smoothed: fine detail changes at 0.31 of places, 0.34 to 0.78 in tested scans',
    ],
    [0.8, [0, 50, 0, 50, 50], 'sharpened: fine detail changes at 0.80 of places, 0.34 to 0.78 in tested scans'],
    [
      null,
      [0, 0, 0, 0, 50],
      'slices averaged or overlapping: neighbours differ 0.25 times as much as distant ones, 0.75 to 1.25 in tested scans',
    ],
    [
      0.5,
      [0, 100, 0, 100, 50],
      'slices unlike their neighbours: neighbours differ 1.75 times as much as distant ones, 0.75 to 1.25 in tested scans',
    ],
  ])(
    'of %f within a slice, and of %j negative places, is told from others in words',
    (changeInPlane, negative, said) => {
      expect(outsideTexture(slicesOf(negative, changeInPlane), RANGE)).toBe(said);
    },
  );

  it('compares no places of which one of the two is unknown', () => {
    const slices = slicesOf([0, 50, 0, 50, 50]).map(({ detail, ...slice }, index) => ({
      ...slice,
      detail: detail + (index % 2 === 0 ? '-' : ' ').repeat(100),
    }));
    // To the fifth slice 50 of 200 change, to the next 150 of 400 as before.
    expect(textureOf(slices).changeAlong).toBeCloseTo(0.375 / 0.25);
  });
});
