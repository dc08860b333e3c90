import { describe, expect, it } from 'vitest';
import { measureAnatomy, outsideAnatomy } from '../../../src/preprocess/anatomy.ts';

const NECK = { tissueAreaCm2: { low: 80, high: 250 }, boneAreaCm2: { low: 8, high: 30 } };

describe('the anatomy of a slice', () => {
  it('is measured in square centimetres, by both spacings', () => {
    // Two pixels of air, one of fat, one of muscle, two of bone; 2 mm by 5 mm are 0.1 cm² each.
    const hu = Int16Array.of(-1000, -900, -160, 40, 300, 1200);
    const { tissueAreaCm2, boneAreaCm2 } = measureAnatomy(hu, [2, 5]);
    expect(tissueAreaCm2).toBeCloseTo(0.3, 10);
    expect(boneAreaCm2).toBeCloseTo(0.2, 10);
  });

  it.each([
    [-150, 0, 0],
    [-149, 1, 0],
    [250, 1, 0],
    [251, 1, 1],
  ])('counts a pixel of %i HU as tissue %i, as bone %i', (hu, tissueAreaCm2, boneAreaCm2) => {
    expect(measureAnatomy(Int16Array.of(hu), [10, 10])).toEqual({ tissueAreaCm2, boneAreaCm2 });
  });

  it.each([
    ['a trunk', 520, 20, '520 cm² of tissue in a slice, 80 to 250 in tested scans: not a neck'],
    ['a bottle', 60, 0, '60 cm² of tissue in a slice, 80 to 250 in tested scans: not a neck'],
    ['a head', 200, 55, '55 cm² of bone in a slice, 8 to 30 in tested scans: not a neck'],
    ['water in the shape of a neck', 150, 0, '0 cm² of bone in a slice, 8 to 30 in tested scans: not a neck'],
    ['a neck', 150, 12, null],
    ['the least of necks', 80, 8, null],
    ['the greatest of necks', 250, 30, null],
  ])('tells %s by the median slice', (_, tissueAreaCm2, boneAreaCm2, said) => {
    const slice = { tissueAreaCm2, boneAreaCm2 };
    // Shoulders at the one end and the skull at the other decide nothing.
    expect(
      outsideAnatomy(
        [{ tissueAreaCm2: 900, boneAreaCm2: 90 }, slice, slice, slice, { tissueAreaCm2: 1, boneAreaCm2: 0 }],
        NECK,
      ),
    ).toBe(said);
  });

  it('takes the middle of the two in the middle, as training does', () => {
    const slices = [60, 240].map((tissueAreaCm2) => ({ tissueAreaCm2, boneAreaCm2: 12 }));
    expect(outsideAnatomy(slices, NECK)).toBeNull();
    expect(outsideAnatomy([slices[0]!, { tissueAreaCm2: 90, boneAreaCm2: 12 }], NECK)).toBe(
      '75 cm² of tissue in a slice, 80 to 250 in tested scans: not a neck',
    );
  });

  it('says nothing of slices that nobody has measured', () => {
    expect(outsideAnatomy([], NECK)).toBeNull();
  });
});
