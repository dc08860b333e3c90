import { describe, expect, it } from 'vitest';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';

describe('drawPhantomParams', () => {
  it('gives the same parameters for the same seed, others for another', () => {
    expect(drawPhantomParams(4)).toEqual(drawPhantomParams(4));
    expect(drawPhantomParams(4)).not.toEqual({ ...drawPhantomParams(5), seed: 4 });
  });

  it('draws the same patient and scan whether broken or not: nothing but the fracture tells them apart', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { fractures: none, ...whole } = drawPhantomParams(seed, { fractures: 'none' });
      const { fractures: some, ...broken } = drawPhantomParams(seed, {
        fractures: [{ fracture: 'burst@C5', grade: 'obvious' }],
      });
      expect(broken).toEqual(whole);
      expect(none).toEqual([]);
      expect(some).toEqual([{ name: 'burst@C5', grade: 'obvious' }]);
    }
  });

  it('mixes positives of every grade with negatives', () => {
    const drawn = Array.from({ length: 200 }, (_, seed) => drawPhantomParams(seed));
    const positive = drawn.filter((p) => p.fractures.length > 0);
    expect(positive.length).toBeGreaterThan(70);
    expect(positive.length).toBeLessThan(130);
    expect(new Set(positive.flatMap((p) => p.fractures.map((f) => f.grade))).size).toBe(3);
    expect(new Set(positive.flatMap((p) => p.fractures.map((f) => f.name.split('@')[0]))).size).toBe(12);
  });

  it('lays the wished number of slices over the same coverage', () => {
    const coverage = (slices: number): number => slices * drawPhantomParams(9, { slices }).sliceSpacingMm;
    expect(coverage(40)).toBeCloseTo(coverage(200), 0);
    expect(coverage(40)).toBeGreaterThan(120);
    expect(drawPhantomParams(9, { slices: 40 }).slices).toBe(40);
  });

  it('refuses an unknown fracture', () => {
    expect(() => drawPhantomParams(1, { fractures: [{ fracture: 'nose@C9' }] })).toThrow(/no fracture is called/);
  });
});
