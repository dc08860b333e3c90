import { expect, it } from 'vitest';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { levelsOfSlice, renderSlice, spineMiddle } from '../../../src/phantom/renderSlice.ts';
import { composeScene } from '../../../src/phantom/scene.ts';

it('the middle of the spine is among its bones, in patients of other sizes and tilts', () => {
  for (const [seed, tiltDegrees] of [
    [3, 0],
    [4, 12],
    [5, -12],
  ] as const) {
    const scene = composeScene(drawPhantomParams(seed, { rows: 128, slices: 30, fractures: 'none', tiltDegrees }));
    const { rows, columns, pixelSpacingMm, slices } = scene.params;
    const [hu, mask] = [new Int16Array(rows * columns), new Uint8Array(rows * columns)];
    for (let slice = 0; slice < slices; slice++) {
      // Above are the skull and the jaw, below the shoulders.
      if (!levelsOfSlice(scene, slice).some((level) => ['C4', 'C5', 'C6'].includes(level))) continue;
      renderSlice(scene, slice, hu, mask);
      const [row, column] = spineMiddle(scene, slice);
      const bones = [...hu.entries()].flatMap(([pixel, value]) => {
        const at = [Math.floor(pixel / columns) - row, (pixel % columns) - column].map((off) => off * pixelSpacingMm);
        return value > 250 && Math.hypot(at[0]!, at[1]!) < 35 ? [at] : [];
      });
      const mean = (axis: number): number => bones.reduce((sum, at) => sum + at[axis]!, 0) / bones.length;
      expect(bones.length).toBeGreaterThan(20);
      expect(Math.hypot(mean(0), mean(1))).toBeLessThan(9);
    }
  }
});
