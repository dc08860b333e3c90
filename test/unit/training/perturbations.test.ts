import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { PERTURBATIONS, type Scan } from '../../../training/perturbations.ts';

const SIDE = 512;
/** Bright points in air, one on each slice, brighter from slice to slice. */
function points(count = 6, side = SIDE): Scan {
  const slices = Array.from({ length: count }, (_, index) => {
    const hu = new Float32Array(side * side).fill(-1000);
    hu[Math.floor((200 / 512) * side) * side + Math.floor((300 / 512) * side)] = 100 * (index + 1);
    return hu;
  });
  return { slices, rows: side, columns: side };
}
const apply = (name: string, scan = points()): Float32Array[] =>
  PERTURBATIONS.find((one) => one.name === name)!.apply(scan, seededRandom('test', name));
const at = (hu: Float32Array, row: number, column: number): number => hu[row * SIDE + column]!;
const sum = (hu: Float32Array): number => hu.reduce((total, value) => total + value + 1000, 0);

describe('perturbations', () => {
  it('leave the scan that they are given as it was, and keep its shape', () => {
    for (const perturbation of PERTURBATIONS) {
      const scan = points(6, 64);
      const changed = perturbation.apply(scan, seededRandom('test', 1));
      expect(
        changed.map((slice) => slice.length),
        perturbation.name,
      ).toEqual(scan.slices.map((slice) => slice.length));
      for (const [index, slice] of points(6, 64).slices.entries())
        expect(
          Buffer.compare(Buffer.from(scan.slices[index]!.buffer), Buffer.from(slice.buffer)),
          perturbation.name,
        ).toBe(0);
    }
  });

  it('blur a point to a Gaussian of the named width that holds the same sum', () => {
    const [first] = apply('blur, 2 px', points(1));
    // exp(-d²/8) at one and two pixels.
    const centre = at(first!, 200, 300) + 1000;
    expect((at(first!, 200, 301) + 1000) / centre).toBeCloseTo(Math.exp(-1 / 8), 3);
    expect((at(first!, 202, 300) + 1000) / centre).toBeCloseTo(Math.exp(-4 / 8), 3);
    expect(sum(first!)).toBeCloseTo(1100, -1);
  });

  it('shift, mix, sharpen and move by what their names say', () => {
    expect(at(apply('offset, -30 HU')[2]!, 200, 300)).toBe(270);
    expect(apply('thickness, mean of 3 slices').map((hu) => at(hu, 200, 300))).toEqual([150, 200, 300, 400, 500, 550]);
    expect(at(apply('thickness, mean of 5 slices')[2]!, 200, 300)).toBe(300);
    const sharper = apply('sharp kernel, unsharp mask of 1 px at 100 %', points(1))[0]!;
    expect(at(sharper, 200, 300)).toBeGreaterThan(100);
    expect(at(sharper, 200, 301)).toBeLessThan(-1000);
    const moved = apply('motion, 4 px in a third of the slices');
    expect(moved.map((hu) => [at(hu, 200, 300), at(hu, 200, 304)])).toEqual([
      [100, -1000],
      [200, -1000],
      [-350, -350],
      [-300, -300],
      [500, -1000],
      [600, -1000],
    ]);
  });

  it('add noise of the named spread, and metal to the upper third alone', () => {
    const flat = { ...points(1), slices: [new Float32Array(SIDE * SIDE)] };
    const [noisy] = apply('noise, 60 HU', flat);
    const variance = noisy!.reduce((total, value) => total + value * value, 0) / noisy!.length;
    expect(Math.sqrt(variance)).toBeCloseTo(60, 0);
    const metal = apply('metal of 5 % of the field, streaks of 350 HU');
    expect(metal.map((hu) => hu.filter((value) => value === 3071).length > 400)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
