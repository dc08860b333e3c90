import { describe, expect, it } from 'vitest';
import type { KeySlice, SliceCrop } from '../../../src/case/case.ts';
import { localise } from '../../../src/evaluate/localisation.ts';
import { responseOnSource } from '../../../src/report/heatmap.ts';

const CROP: SliceCrop = {
  top: 0,
  left: 0,
  bottom: 12,
  right: 12,
  transpose: false,
  flipRows: false,
  flipColumns: false,
  rows: 12,
  columns: 12,
  fullFrame: false,
};

/** A heatmap of 3 x 3 cells whose hottest is `[row, column]`. */
function keySlice(hottest: readonly [number, number], crop: SliceCrop = CROP): KeySlice {
  const cam = new Array<number>(9).fill(0.1);
  cam[hottest[0] * 3 + hottest[1]] = 1;
  return { sopInstanceUid: '1', sliceIndex: 0, score: 1, cam, camRows: 3, camColumns: 3, crop };
}
function mask(rows: number, columns: number, ...marked: readonly (readonly [number, number])[]): Uint8Array {
  const pixels = new Uint8Array(rows * columns);
  for (const [row, column] of marked) pixels[row * columns + column] = 1;
  return pixels;
}
const truth = (marked: Uint8Array | null, label: boolean | null = marked !== null) => ({
  label,
  mask: marked,
  pixelSpacingMm: [0.5, 2] as const,
});

describe('localise', () => {
  it('hits when a marked pixel lies in the hottest cell, and measures in millimetres', () => {
    expect(localise([keySlice([0, 2])], [truth(mask(12, 12, [3, 8]))], true)).toEqual({
      keySliceHits: [true],
      hotspotInMask: true,
      hotspotDistanceMm: expect.closeTo(Math.hypot(1.5 * 0.5, 1.5 * 2), 9) as number,
      cellMm: 8,
      chance: 1 / 9,
    });
    // The pixel below belongs to the next cell.
    expect(localise([keySlice([0, 2])], [truth(mask(12, 12, [4, 8]))], true)).toMatchObject({ hotspotInMask: false });
  });

  it('misses when the best key slice is not broken, whatever the others show', () => {
    const found = localise(
      [keySlice([1, 1]), keySlice([1, 1])],
      [truth(null, false), truth(mask(12, 12, [5, 5]))],
      true,
    );
    expect(found).toEqual({
      keySliceHits: [false, true],
      hotspotInMask: false,
      hotspotDistanceMm: null,
      cellMm: null,
      chance: 0,
    });
  });

  it('says nothing of pixels where the truth has none, and nothing at all where a slice’s truth is unknown', () => {
    expect(localise([keySlice([1, 1])], [truth(null, true)], false)).toMatchObject({
      keySliceHits: [true],
      hotspotInMask: null,
    });
    expect(localise([keySlice([1, 1])], [truth(null, null)], true)).toBeNull();
    expect(localise([], [], true)).toBeNull();
  });

  it('does not take an empty heatmap for a hit', () => {
    const blank = { ...keySlice([0, 0]), cam: new Array<number>(9).fill(0) };
    expect(localise([blank], [truth(mask(12, 12, [0, 0]))], true)).toMatchObject({ hotspotInMask: false });
  });

  it.each([
    { transpose: true, flipRows: false, flipColumns: false },
    { transpose: false, flipRows: true, flipColumns: false },
    { transpose: false, flipRows: false, flipColumns: true },
    { transpose: true, flipRows: true, flipColumns: true },
  ])('looks where the heatmap is drawn: %o', (turned) => {
    const crop: SliceCrop = { ...CROP, ...turned, rows: 20, columns: 16, top: 3, left: 2, bottom: 12, right: 14 };
    const hot = keySlice([0, 2], crop);
    const response = responseOnSource(hot.cam, 3, 3, crop);
    const peak = response.reduce((best, value, i) => (value > response[best]! ? i : best), 0);
    const at = [Math.floor(peak / 16), peak % 16] as const;
    expect(localise([hot], [truth(mask(20, 16, at))], true)).toMatchObject({ hotspotInMask: true });
    const far = [19 - at[0], 15 - at[1]] as const;
    expect(localise([hot], [truth(mask(20, 16, far))], true)).toMatchObject({ hotspotInMask: false });
  });
});
