import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
