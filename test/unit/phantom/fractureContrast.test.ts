import { describe, expect, it } from 'vitest';
import { FRACTURE_TYPES, FRACTURES, parseFracture } from '../../../src/phantom/fractures.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { levelsOfSlice, renderSlice, sliceZ } from '../../../src/phantom/renderSlice.ts';
import { composeScene } from '../../../src/phantom/scene.ts';

/** A fracture reaches no further from its middle, along the neck. */
const REACH_MM = 10;
const WISH = { rows: 192, fieldOfViewMm: 120, sliceSpacingMm: 1 };

/** The same neck and scan, broken and intact: by how much they differ where the truth is marked and elsewhere, HU. */
function contrast(fracture: string, grade: 'middle' | 'subtle') {
  const broken = composeScene(drawPhantomParams(400, { ...WISH, fractures: [{ fracture, grade }] }));
  const intact = composeScene(drawPhantomParams(400, { ...WISH, fractures: 'none' }));
  const { rows, columns, slices, pixelSpacingMm } = broken.params;
  const [one, other] = [new Int16Array(rows * columns), new Int16Array(rows * columns)];
  const [mask, none] = [new Uint8Array(one.length), new Uint8Array(one.length)];
  const { level, centreMm } = broken.fractures[0]!;
  const sums = { inside: 0, insideCount: 0, outside: 0, outsideCount: 0, x: 0, y: 0 };
  let atOtherLevels = 0;
  for (let index = 0; index < slices; index++) {
    if (Math.abs(sliceZ(broken, index) - centreMm[2]) > REACH_MM) continue;
    renderSlice(broken, index, one, mask);
    renderSlice(intact, index, other, none);
    for (let pixel = 0; pixel < one.length; pixel++) {
      const difference = Math.abs(one[pixel]! - other[pixel]!);
      if (mask[pixel] === 0) {
        sums.outside += difference;
        sums.outsideCount += 1;
        continue;
      }
      sums.inside += difference;
      sums.insideCount += 1;
      sums.x += ((pixel % columns) - columns / 2) * pixelSpacingMm + broken.centreX;
      sums.y += (Math.floor(pixel / columns) - rows / 2) * pixelSpacingMm + broken.centreY;
      if (!levelsOfSlice(broken, index).includes(level)) atOtherLevels += 1;
    }
  }
  const offMm = Math.hypot(sums.x / sums.insideCount - centreMm[0], sums.y / sums.insideCount - centreMm[1]);
  return { inside: sums.inside / sums.insideCount, outside: sums.outside / sums.outsideCount, offMm, atOtherLevels };
}

describe('a fracture after the acquisition', () => {
  // A millimetre wide at the middle grade, half of that at the subtle one.
  const kinds = FRACTURE_TYPES.flatMap((type) =>
    (['middle', 'subtle'] as const).map(
      (grade) =>
        [FRACTURES.find((name) => parseFracture(name).type === type)!, grade, grade === 'middle' ? 200 : 120] as const,
    ),
  );

  it.each(kinds)('%s, %s, is seen by %i HU and more where its mask is, and lies there', (fracture, grade, leastHu) => {
    const { inside, outside, offMm, atOtherLevels } = contrast(fracture, grade);
    expect(inside).toBeGreaterThan(leastHu);
    // Displaced bone moves what is beside the mask, too; on the whole the change is in the mask.
    expect(inside / outside).toBeGreaterThan(10);
    // A hangman's fracture has two lines, in front of its middle and behind it.
    expect(offMm).toBeLessThan(fracture.startsWith('hangman') ? 20 : 8);
    expect(atOtherLevels).toBe(0);
  });
});
