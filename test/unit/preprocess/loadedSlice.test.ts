import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadSlice } from '../../../src/preprocess/loadedSlice.ts';
import { modelInput } from '../../../src/preprocess/modelInput.ts';
import type { InputSpec, OrientedSlice } from '../../../src/preprocess/modelInput.ts';
import { CROP_RULES } from '../../../src/preprocess/otsuCrop.ts';
import { GROSS_BONE, SOFT_TISSUE, STANDARD_BONE } from '../../../src/preprocess/windows.ts';
import { scalarInput, scalarSquare } from './scalarInput.ts';

/** Blocks of one value on noise: components of every shape, with edges at every place of a block of 16 pixels. */
const slices = (mostPixels: number): fc.Arbitrary<OrientedSlice> =>
  fc
    .tuple(fc.integer({ min: 1, max: mostPixels }), fc.integer({ min: 1, max: mostPixels }))
    .chain(([rows, columns]) =>
      fc.record({
        rows: fc.constant(rows),
        columns: fc.constant(columns),
        isWhole: fc.boolean(),
        noise: fc.int16Array({ minLength: 64, maxLength: 64, min: -1024, max: 3071 }),
        share: fc.integer({ min: 1, max: 9 }),
        blocks: fc.array(
          fc.record({
            top: fc.integer({ min: 0, max: rows - 1 }),
            left: fc.integer({ min: 0, max: columns - 1 }),
            rows: fc.integer({ min: 1, max: rows }),
            columns: fc.integer({ min: 1, max: columns }),
            hu: fc.integer({ min: -1024, max: 3071 }),
          }),
          { maxLength: 6 },
        ),
      }),
    )
    .map(({ rows, columns, isWhole, noise, share, blocks }) => {
      const hu = isWhole ? new Int16Array(rows * columns) : new Float32Array(rows * columns);
      for (let i = 0; i < hu.length; i++) hu[i] = (i * 7919) % 10 < share ? noise[(i * 31) % 64]! : -1000;
      for (const block of blocks)
        for (let row = block.top; row < Math.min(rows, block.top + block.rows); row++)
          for (let column = block.left; column < Math.min(columns, block.left + block.columns); column++)
            hu[row * columns + column] = isWhole ? block.hu : block.hu + 0.3;
      return { hu, rows, columns };
    });

const specs: fc.Arbitrary<InputSpec> = fc.record({
  sizePixels: fc.integer({ min: 1, max: 70 }),
  windowsHu: fc.constant([GROSS_BONE, STANDARD_BONE, SOFT_TISSUE]),
  cropRule: fc.constantFrom(...CROP_RULES),
  marginFraction: fc.constantFrom(0, 0.05, 0.5),
});

const window = fc.record({
  centerHu: fc.integer({ min: -600, max: 1000 }),
  widthHu: fc.integer({ min: 1, max: 4000 }),
});

/** Not with `toEqual`, which takes seconds to describe arrays of this length when they differ. */
function expectSameBits(ours: Float32Array, reference: Float32Array): void {
  expect(ours.length).toBe(reference.length);
  const differing = ours.findIndex((value, index) => !Object.is(value, reference[index]));
  expect({ differing, is: ours[differing] }).toEqual({ differing: -1, is: undefined });
}

function expectLikeReference(slice: OrientedSlice, spec: InputSpec): void {
  const { tensor, crop, fullFrame } = modelInput(slice, spec);
  const reference = scalarInput(slice, spec);
  expect({ crop, fullFrame }).toEqual({ crop: reference.box, fullFrame: reference.fullFrame });
  expectSameBits(tensor, reference.tensor);
}

describe('the kernel computes what the scalar reference does, to the bit', () => {
  it('for any image and both crop rules', () => {
    fc.assert(fc.property(slices(70), specs, expectLikeReference), { numRuns: 400 });
  });

  it('through one to nine windows, to any place in the square', () => {
    const place = fc.record({
      top: fc.nat(9),
      left: fc.nat(9),
      rows: fc.integer({ min: 1, max: 30 }),
      columns: fc.integer({ min: 1, max: 30 }),
    });
    const windows = fc.array(window, { minLength: 1, maxLength: 9 });
    const corners = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat());
    fc.assert(
      fc.property(slices(40), windows, place, corners, (slice, windowsHu, where, [a, b, c, d]) => {
        const top = a % slice.rows;
        const left = b % slice.columns;
        const bottom = top + 1 + (c % (slice.rows - top));
        const right = left + 1 + (d % (slice.columns - left));
        const crop = { top, left, bottom, right };
        const loaded = loadSlice(slice.hu, slice.rows, slice.columns);
        expectSameBits(
          loaded.windowedSquare(crop, windowsHu, 39, where),
          scalarSquare(slice, crop, windowsHu, 39, where),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('after a matrix so large that its memory is given back', () => {
    const [rows, columns] = [2048, 1501];
    const hu = new Float32Array(rows * columns);
    for (let i = 0; i < hu.length; i++) hu[i] = ((i * 7919) % 4093) - 1000;
    const spec: InputSpec = {
      sizePixels: 24,
      windowsHu: [GROSS_BONE, STANDARD_BONE, SOFT_TISSUE],
      cropRule: 'bone-in-body',
      marginFraction: 0.05,
    };
    expectLikeReference({ hu, rows, columns }, spec);
    expectLikeReference({ hu: hu.subarray(0, 600), rows: 20, columns: 30 }, spec);
  });
});

it('the memory of a slice of more than 32 MiB is given back before the next one, and not that of a smaller one', () => {
  const load = (mebibytes: number) => loadSlice(new Float32Array(mebibytes * 262_144), 1, mebibytes * 262_144);
  // Whatever was loaded before.
  load(1);
  const made = vi.spyOn(WebAssembly, 'Instance');
  onTestFinished(() => made.mockRestore());
  const after = (mebibytes: number): number => {
    load(mebibytes);
    made.mockClear();
    load(1);
    return made.mock.calls.length;
  };
  // The slice lies behind a page of 64 KiB.
  expect([after(31.5), after(32.5), after(1)]).toEqual([0, 1, 0]);
});

// W 650, C 400: 75 HU and below are level 0, 725 HU and above 255, each level 650 / 255 = 2.549 HU.
it('levels are counted over the gross bone window, by hand', () => {
  const hu = Float32Array.of(-1000, 74, 75, 77, 78, 400, 723, 724, 725, 3000, 78, 77.5);
  const counts = loadSlice(hu, 3, 4).levelCounts();
  expect(counts).toHaveLength(256);
  // 724 HU lie 649 / 650 of the way up: 254.6.
  expect([...counts.entries()].filter(([, count]) => count > 0)).toEqual([
    [0, 3],
    [1, 4],
    [128, 1],
    [254, 1],
    [255, 3],
  ]);
});

describe('bounds of bone', () => {
  const rows = 3;
  const columns = 5;
  const bounds = (values: readonly number[], within: number, bone: number) =>
    loadSlice(Float32Array.from(values), rows, columns).boneBounds(within, bone);

  it('reach from the first to behind the last pixel of bone in the largest body', () => {
    // prettier-ignore
    const values = [
      900, 0,  60,  60, 0,
        0, 0,  60, 700, 0,
        0, 0, 650,  60, 0,
    ];
    expect(bounds(values, 50, 500)).toEqual({ top: 1, left: 2, bottom: 3, right: 4 });
    expect(bounds(values, 50, 690)).toEqual({ top: 1, left: 3, bottom: 2, right: 4 });
    expect(bounds(values, 50, 800)).toBeNull();
    expect(bounds(values, 1_000, 1_000)).toBeNull();
  });

  // 0.1 and -0.1 lie between two 32-bit numbers; a pixel is above them when it is the greater of the two, or for -0.1 the one nearer to 0.
  it.each([
    [0.1, Math.fround(0.1), true],
    [0.1, 0.09999999403953552, false],
    [-0.1, Math.fround(-0.1), false],
    [-0.1, -0.09999999403953552, true],
    [0.3, Math.fround(0.3), true],
    [0.3, 0.29999998211860657, false],
    [-0.3, Math.fround(-0.3), false],
    [-0.3, -0.29999998211860657, true],
    [7, 7, false],
    [7, 7.000000476837158, true],
    [-7, -7, false],
    [-7, -6.999999523162842, true],
  ])('of a threshold of %d a pixel of %d is above it: %s', (threshold, value, isAbove) => {
    const values = [...new Array<number>(7).fill(-1000), value, ...new Array<number>(7).fill(-1000)];
    const box = { top: 1, left: 2, bottom: 2, right: 3 };
    expect(bounds(values, threshold, -900)).toEqual(isAbove ? box : null);
    expect(bounds(values, -900, threshold)).toEqual(isAbove ? box : null);
  });
});
