import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FRACTURES, parseFracture } from '../../../src/phantom/fractures.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { levelsOfSlice, renderSlice, sliceZ } from '../../../src/phantom/renderSlice.ts';
import { composeScene, type Scene } from '../../../src/phantom/scene.ts';

const small = { rows: 128, fieldOfViewMm: 200, slices: 40 };
const hash = (data: Int16Array | Uint8Array): string =>
  createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex');

/** HU and truth of one slice. */
function draw(scene: Scene, index: number): { hu: Int16Array; mask: Uint8Array } {
  const hu = new Int16Array(scene.params.rows * scene.params.columns);
  const mask = new Uint8Array(hu.length);
  renderSlice(scene, index, hu, mask);
  return { hu, mask };
}

describe('generatePhantom', () => {
  it('gives the same bytes for the same seed, others for another', () => {
    const of = (seed: number): string => {
      const { hu, mask } = generatePhantom(
        drawPhantomParams(seed, { ...small, slices: 8, fractures: [{ fracture: 'hangman@C2', grade: 'obvious' }] }),
      );
      return hash(hu) + hash(mask);
    };
    const first = of(3);
    const other = of(4);
    expect(of(3)).toBe(first);
    expect(other).not.toBe(first);
  });

  it('draws a slice alike alone and among others', () => {
    const params = drawPhantomParams(6, { ...small, slices: 6, fractures: 'none' });
    const whole = generatePhantom(params);
    const alone = draw(composeScene(params), 4);
    expect(hash(alone.hu)).toBe(hash(whole.hu.slice(4 * 128 * 128, 5 * 128 * 128)));
  });

  it('agrees with itself: mask, slice labels, case label', () => {
    const phantom = generatePhantom(
      drawPhantomParams(21, {
        ...small,
        fractures: [
          { fracture: 'dens-2@C2', grade: 'middle' },
          { fracture: 'lamina@C6', grade: 'middle' },
        ],
      }),
    );
    const pixels = phantom.rows * phantom.columns;
    const found = new Set<number>();
    for (let i = 0; i < phantom.slices; i++) {
      const values = new Set(phantom.mask.subarray(i * pixels, (i + 1) * pixels));
      values.delete(0);
      expect(phantom.sliceLabels[i]).toBe(values.size > 0);
      for (const value of values) {
        found.add(value);
        expect(phantom.levelsBySlice[i]).toContain(phantom.fractures[value - 1]!.level);
      }
    }
    expect([...found].sort()).toEqual([1, 2]);
    expect(phantom.caseLabel).toBe(true);
    expect(phantom.sliceLabels).toContain(false);
  });

  it('marks nothing without a fracture, confounders or not', () => {
    for (const seed of [1, 2, 3]) {
      const phantom = generatePhantom(drawPhantomParams(seed, { ...small, slices: 24, fractures: 'none' }));
      expect(phantom.mask.every((value) => value === 0)).toBe(true);
      expect(phantom.caseLabel).toBe(false);
    }
  });

  it('has the densities of a neck: air around and inside it, soft tissue, spongy and cortical bone', () => {
    const phantom = generatePhantom(drawPhantomParams(12, { ...small, rows: 256, fractures: 'none', kernel: 'soft' }));
    const { hu } = phantom;
    const share = (low: number, high: number): number =>
      hu.reduce((n, value) => n + (value >= low && value < high ? 1 : 0), 0) / hu.length;
    expect(Math.min(...hu.subarray(0, 65536))).toBeGreaterThanOrEqual(-1024);
    expect(share(-1024, -800)).toBeGreaterThan(0.05);
    expect(share(-150, 120)).toBeGreaterThan(0.3);
    expect(share(150, 600)).toBeGreaterThan(0.01);
    expect(share(700, 1600)).toBeGreaterThan(0.002);
    expect(share(3072, 32767)).toBe(0);
    const air = phantom.levelsBySlice.findIndex((levels) => levels.includes('C6'));
    const middle = hu.subarray(air * 65536, (air + 1) * 65536);
    // The airway lies in front of the column, within the neck.
    let airway = 0;
    for (let row = 60; row < 128; row++)
      for (let column = 108; column < 148; column++) if (middle[row * 256 + column]! < -700) airway++;
    expect(airway).toBeGreaterThan(20);
  });

  it('crosses every vertebra in order from the skull base to T1', () => {
    const phantom = generatePhantom(drawPhantomParams(2, { ...small, slices: 60, rows: 32, fractures: 'none' }));
    const firsts = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'T1'].map((level) =>
      phantom.levelsBySlice.findIndex((levels) => levels.some((l) => l === level)),
    );
    expect(firsts.every((slice) => slice >= 0)).toBe(true);
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
    expect(phantom.levelsBySlice[0]).toEqual([]);
  });

  it('lies in DICOM patient coordinates as its position says', () => {
    const of = (patientPosition: 'HFS' | 'FFP', tiltDegrees = 0): ReturnType<typeof generatePhantom> =>
      generatePhantom(drawPhantomParams(8, { ...small, slices: 5, fractures: 'none', patientPosition, tiltDegrees }));
    const supine = of('HFS');
    expect(supine.imageOrientationPatient).toEqual([1, 0, 0, 0, 1, 0]);
    expect(supine.imagePositionPatientMm(1)[2]).toBeCloseTo(
      supine.imagePositionPatientMm(0)[2] - supine.sliceSpacingMm,
      4,
    );
    const prone = of('FFP');
    expect(prone.imageOrientationPatient).toEqual([1, 0, 0, 0, -1, 0]);
    // The same patient: pixel rows run the other way from the other end.
    expect(prone.imagePositionPatientMm(0)[1]).toBeCloseTo(-supine.imagePositionPatientMm(0)[1], 4);
    expect([...prone.hu.subarray(0, 128)]).toEqual([...supine.hu.subarray(127 * 128, 128 * 128)]);
    const tilted = of('HFS', 12);
    const step = [0, 1, 2].map((k) => tilted.imagePositionPatientMm(1)[k]! - tilted.imagePositionPatientMm(0)[k]!);
    expect(Math.hypot(...step)).toBeCloseTo(tilted.sliceSpacingMm, 3);
    // Slices follow their normal.
    expect(step[1]! * tilted.imageOrientationPatient[4] + step[2]! * tilted.imageOrientationPatient[5]).toBeCloseTo(
      0,
      3,
    );
  });
});

describe('every fracture', () => {
  it.each(FRACTURES)('%s is marked at its level and seen in HU after the scan', (name) => {
    const options = { rows: 256, fieldOfViewMm: 128, sliceSpacingMm: 1, kernel: 'bone' as const };
    const broken = composeScene(
      drawPhantomParams(31, { ...options, fractures: [{ fracture: name, grade: 'middle' }] }),
    );
    // The same patient, scan and slices, unbroken.
    const whole = {
      ...composeScene(drawPhantomParams(31, { ...options, fractures: 'none' })),
      firstSliceZ: broken.firstSliceZ,
    };
    const { level } = parseFracture(name);
    const fracture = broken.fractures[0]!;
    const middle = Math.round(broken.firstSliceZ - fracture.centreMm[2]);
    let marked = 0;
    let change = 0;
    let elsewhere = 0;
    for (let i = middle - 4; i <= middle + 4; i += 2) {
      const a = draw(broken, i);
      if (!a.mask.includes(1)) continue;
      expect(levelsOfSlice(broken, i)).toContain(level);
      expect(Math.abs(sliceZ(broken, i) - fracture.centreMm[2])).toBeLessThan(8);
      const b = draw(whole, i);
      a.mask.forEach((value, k) => {
        if (value === 0) return;
        marked++;
        change += Math.abs(a.hu[k]! - b.hu[k]!);
        if (b.hu[k]! < 0) elsewhere++;
      });
    }
    expect(marked).toBeGreaterThan(60);
    // Noise cancels (same seed), so what is left is the fracture.
    expect(change / marked).toBeGreaterThan(150);
    // Truth lies in what was bone.
    expect(elsewhere / marked).toBeLessThan(0.1);
  });

  it.each(FRACTURES)('%s is met by a series of 40 slices', (name) => {
    const scene = composeScene(
      drawPhantomParams(17, {
        rows: 128,
        fieldOfViewMm: 160,
        slices: 40,
        fractures: [{ fracture: name, grade: 'obvious' }],
      }),
    );
    const middle = Math.round((scene.firstSliceZ - scene.fractures[0]!.centreMm[2]) / scene.params.sliceSpacingMm);
    expect(draw(scene, middle).mask).toContain(1);
    expect(draw(scene, middle < 20 ? 39 : 0).mask).not.toContain(1);
  });
});
