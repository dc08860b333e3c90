import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsToSlices, slicePlane, stackVolume, volumeSlices } from '../../../src/preprocess/volumeInput.ts';
import type { VolumeSpec } from '../../../src/preprocess/volumeInput.ts';

const SPEC: VolumeSpec = {
  sizePixels: 8,
  pixelSpacingMm: 2,
  sliceSpacingMm: 2,
  slicesPerRow: 4,
  windowsHu: [{ centerHu: 500, widthHu: 1000 }],
};
/** One value a plane: what matters along the axis needs no more. */
const LINE: VolumeSpec = { ...SPEC, sizePixels: 1 };

/** Positions of a scan from its gaps, superior first, and a place to begin. */
const scans = (leastGapMm: number, mostGapMm: number) =>
  fc
    .tuple(
      fc.double({ min: -500, max: 500, noNaN: true }),
      fc.array(fc.double({ min: leastGapMm, max: mostGapMm, noNaN: true }), { minLength: 1, maxLength: 60 }),
    )
    .map(([first, gaps]) => {
      const positions = [first];
      for (const gap of gaps) positions.push(positions.at(-1)! - gap);
      return positions;
    });

describe('slicePlane', () => {
  it('takes a field of fixed size about the middle of the image, whatever the pixels are', () => {
    for (const spacing of [0.25, 0.5, 1]) {
      const side = 40 / spacing;
      const hu = new Float32Array(side * side).fill(-1000);
      // A square of 4 mm of bone, 4 mm above and left of the middle.
      for (let row = 0; row < side; row++)
        for (let column = 0; column < side; column++)
          if (row * spacing >= 14 && row * spacing < 18 && column * spacing >= 14 && column * spacing < 18)
            hu[row * side + column] = 1000;
      const { plane, box } = slicePlane({ hu, rows: side, columns: side }, [spacing, spacing], SPEC);
      expect([(box.bottom - box.top) * spacing, (box.right - box.left) * spacing]).toEqual([16, 16]);
      expect(plane.indexOf(Math.max(...plane))).toBe(8 + 1);
      expect(plane[2 * 8 + 2]).toBeGreaterThan(0.5);
      expect(plane[4 * 8 + 4]).toBe(0);
    }
  });

  it('keeps millimetres where rows and columns are unevenly spaced, and the middle where the image is smaller than the field', () => {
    const { box } = slicePlane({ hu: new Float32Array(64 * 32), rows: 64, columns: 32 }, [0.5, 1], SPEC);
    expect(box).toEqual({ top: 16, bottom: 48, left: 8, right: 24 });
    const small = slicePlane({ hu: new Float32Array(4 * 4).fill(1000), rows: 4, columns: 4 }, [2, 2], SPEC);
    expect(small.box).toEqual({ top: -2, bottom: 6, left: -2, right: 6 });
    expect(
      Array.from({ length: 8 }, (_, row) =>
        [...small.plane.subarray(row * 8, row * 8 + 8)].map((value) => Math.round(value)).join(''),
      ),
    ).toEqual(['00000000', '00000000', '00111100', '00111100', '00111100', '00111100', '00000000', '00000000']);
  });

  it('allocates no more for the finest pixels than the image has', () => {
    expect(slicePlane({ hu: new Float32Array(16), rows: 4, columns: 4 }, [1e-7, 1e-7], SPEC).plane).toHaveLength(64);
  });
});

describe('a volume and its slices', () => {
  it('interpolates between thick slices: what is linear along the scan stays so, at any even spacing', () => {
    fc.assert(
      fc.property(fc.double({ min: 2, max: 9, noNaN: true }), fc.integer({ min: 2, max: 60 }), (spacingMm, count) => {
        const positions = Array.from({ length: count }, (_, index) => 77 - index * spacingMm);
        const [top, bottom] = [positions[0]!, positions.at(-1)!];
        const { volume, slices } = stackVolume(
          Float32Array.from(positions, (position) => top - position),
          positions,
          LINE,
        );
        expect(slices % LINE.slicesPerRow).toBe(0);
        for (let slice = 0; slice < slices; slice++)
          expect(volume[slice]).toBeCloseTo(Math.min(slice * 2, top - bottom), 2);
      }),
    );
  });

  it('averages thin slices: within their greatest distance of the truth, constants kept, no slice without a share', () => {
    fc.assert(
      fc.property(scans(0.3, 5), (positions) => {
        const top = positions[0]!;
        const { volume, slices } = stackVolume(
          Float32Array.from(positions, (position) => top - position),
          positions,
          LINE,
        );
        for (let slice = 0; slice < slices; slice++)
          expect(Math.abs(volume[slice]! - Math.min(slice * 2, top - positions.at(-1)!))).toBeLessThanOrEqual(5 + 1e-3);
        const flat = stackVolume(new Float32Array(positions.length).fill(0.7), positions, LINE).volume;
        for (const value of flat) expect(value).toBeCloseTo(0.7, 5);
        for (const index of positions.keys()) {
          const one = stackVolume(
            Float32Array.from(positions, (_, other) => (other === index ? 1 : 0)),
            positions,
            LINE,
          ).volume;
          expect(Math.max(...one)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('brings rows back to where they came from: the brightest slice is found again within a row', () => {
    fc.assert(
      fc.property(scans(0.4, 4), fc.double({ min: 0, max: 1, noNaN: true }), (positions, at) => {
        const bright = Math.round(at * (positions.length - 1));
        // A bright stretch as long as a row, about a slice: a fracture is seldom shorter.
        const planes = Float32Array.from(positions, (position) =>
          Math.max(0, 1 - Math.abs(position - positions[bright]!) / 8),
        );
        const { volume, slices } = stackVolume(planes, positions, LINE);
        const rows = Float32Array.from({ length: slices / 4 }, (_, row) =>
          volume.subarray(row * 4, row * 4 + 4).reduce((sum, value) => sum + value, 0),
        );
        const back = rowsToSlices(rows, positions, LINE);
        expect(back).toHaveLength(positions.length);
        const found = back.indexOf(Math.max(...back));
        expect(Math.abs(positions[found]! - positions[bright]!)).toBeLessThanOrEqual(8);
      }),
    );
  });

  it('is made of unevenly spaced slices by hand: a plane where a slice lies is that slice', () => {
    const { volume } = stackVolume(Float32Array.of(1, 10, 100), [10, 8, 2], LINE);
    // At 6 mm a quarter, a half and a quarter, at 4 mm a third and two thirds; the last plane fills its row.
    const expected = [1, 10, 30.25, 70, 100, 100, 100, 100];
    for (const [plane, value] of expected.entries()) expect(volume[plane]).toBeCloseTo(value, 4);
  });

  it('gives each slice its share of the two rows whose middles are nearest', () => {
    // Middles 3, 11 and 19 mm below the first slice.
    const positions = Array.from({ length: 12 }, (_, index) => 100 - 2 * index);
    const back = rowsToSlices(Float32Array.of(0, 8, 32), positions, LINE);
    const expected = [0, 0, 1, 3, 5, 7, 11, 17, 23, 29, 32, 32];
    for (const [slice, value] of expected.entries()) expect(back[slice]).toBeCloseTo(value, 4);
  });

  it('is 2 m long at the most, and a field has a pixel at the least', () => {
    expect(volumeSlices([2_000, 0], LINE)).toBe(1_004);
    expect(() => volumeSlices([2_000.5, 0], LINE)).toThrow('within 2000 mm');
    const { box } = slicePlane({ hu: new Float32Array(9), rows: 3, columns: 3 }, [100, 100], SPEC);
    expect(box).toEqual({ top: 1, left: 1, bottom: 2, right: 2 });
  });

  it('has channels before slices, each with its own pixels', () => {
    const windowsHu = [
      { centerHu: 500, widthHu: 1000 },
      { centerHu: 80, widthHu: 300 },
    ];
    const two: VolumeSpec = { ...SPEC, sizePixels: 2, slicesPerRow: 1, windowsHu };
    const planes = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18);
    expect(stackVolume(planes, [4, 2], two)).toEqual({
      slices: 2,
      volume: Float32Array.of(1, 2, 3, 4, 11, 12, 13, 14, 5, 6, 7, 8, 15, 16, 17, 18),
    });
  });

  it('interpolates rows linearly between their middles, several values at a time', () => {
    const positions = Array.from({ length: 13 }, (_, index) => 100 - index);
    expect(volumeSlices(positions, LINE)).toBe(8);
    // Middles 3 mm and 11 mm below the first slice.
    const back = rowsToSlices(Float32Array.of(0, 10, 8, 18), positions, LINE);
    const column = (value: number): number[] =>
      positions.map((_, slice) => Math.round(back[slice * 2 + value]! * 1000) / 1000);
    expect(column(0)).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8]);
    expect(column(1)).toEqual([10, 10, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 18]);
  });

  it('takes a scan of one slice, and refuses one out of order or longer than a neck can be', () => {
    expect(stackVolume(Float32Array.of(0.4), [7], LINE).volume).toEqual(Float32Array.of(0.4, 0.4, 0.4, 0.4));
    for (const positions of [
      [1, 2],
      [1, 1],
      [5000, 0],
      [1, Number.NaN],
    ])
      expect(() => stackVolume(new Float32Array(2), positions, LINE)).toThrow(/slices do not follow/);
  });
});
