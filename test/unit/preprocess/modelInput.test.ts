import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InputSpec } from '../../../src/preprocess/modelInput.ts';
import { modelInput } from '../../../src/preprocess/modelInput.ts';
import { CROP_RULES } from '../../../src/preprocess/otsuCrop.ts';
import { GROSS_BONE, SOFT_TISSUE, STANDARD_BONE } from '../../../src/preprocess/windows.ts';

const spec: InputSpec = {
  sizePixels: 96,
  windowsHu: [GROSS_BONE, STANDARD_BONE, SOFT_TISSUE],
  cropRule: 'bone-in-body',
  marginFraction: 0.05,
};

interface Slice {
  hu: Float32Array;
  rows: number;
  columns: number;
}

/** A neck of soft tissue with two bones in it and a denser couch below, apart from the body. */
function neck(rows: number, columns: number, noise: (i: number) => number = () => 0): Slice {
  const hu = new Float32Array(rows * columns).fill(-1000);
  const ellipse = (cy: number, cx: number, ry: number, rx: number, value: number) => {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        if (((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1) hu[y * columns + x] = value + noise(y * columns + x);
      }
    }
  };
  ellipse(rows * 0.45, columns * 0.5, rows * 0.35, columns * 0.4, 50);
  ellipse(rows * 0.5, columns * 0.5, rows * 0.08, columns * 0.1, 700);
  ellipse(rows * 0.25, columns * 0.5, rows * 0.03, columns * 0.2, 1100);
  ellipse(rows * 0.95, columns * 0.5, rows * 0.03, columns * 0.45, 900);
  return { hu, rows, columns };
}

describe('parity with NumPy and scikit-image', () => {
  const noise = (i: number) => 60 * Math.sin(i * 12.9898) * Math.cos(i * 4.1414);
  const random = (rows: number, columns: number): Slice => {
    const hu = Float32Array.from({ length: rows * columns }, (_, i) => {
      const x = Math.sin(i * 127.1 + rows) * 43758.5453;
      return Math.round((x - Math.floor(x)) ** 4 * 4000 - 1000);
    });
    return { hu, rows, columns };
  };
  const slices: Slice[] = [
    neck(512, 512, noise),
    neck(300, 200, noise),
    neck(64, 90, noise),
    random(128, 128),
    random(50, 211),
    random(40, 40),
    { hu: new Float32Array(64 * 64).fill(-1000), rows: 64, columns: 64 },
    // Bone outside of any body: only the literal rule finds it.
    { hu: new Float32Array(64 * 64).fill(-1000).fill(900, 100, 110).fill(-200, 2000, 2030), rows: 64, columns: 64 },
  ];

  const specs = CROP_RULES.flatMap((cropRule) => [96, 384].map((sizePixels) => ({ ...spec, cropRule, sizePixels })));
  let dir = '';
  /** Theirs, `[spec][slice]`: one start of Python for all. */
  let theirs: { crop: number[]; fullFrame: boolean }[][];
  const outOf = (job: number, slice: number): string => join(dir, `${job}-${slice}.out`);
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'odontoid-parity-'));
    for (const [i, slice] of slices.entries()) await writeFile(join(dir, `${i}.raw`), slice.hu);
    const jobs = specs.map((_, job) => join(dir, `${job}.json`));
    for (const [job, path] of jobs.entries()) {
      const entries = slices.map(({ rows, columns }, i) => {
        return { rows, columns, hu: join(dir, `${i}.raw`), out: outOf(job, i) };
      });
      await writeFile(path, JSON.stringify({ slices: entries, spec: specs[job] }));
    }
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [join(import.meta.dirname, 'parity.py'), ...jobs]);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(specs.length * slices.length);
    theirs = specs.map(() =>
      lines.splice(0, slices.length).map((line) => JSON.parse(line) as { crop: number[]; fullFrame: boolean }),
    );
  });
  afterAll(async () => rm(dir, { recursive: true, force: true }));

  it.each(specs.map((ruled, job) => [ruled.cropRule, ruled.sizePixels, job] as const))(
    '%s at %i pixels',
    async (_cropRule, _sizePixels, job) => {
      for (const [i, slice] of slices.entries()) {
        const ours = modelInput(slice, specs[job]!);
        expect([ours.crop.top, ours.crop.left, ours.crop.bottom, ours.crop.right], `slice ${i}`).toEqual(
          theirs[job]![i]!.crop,
        );
        expect(ours.fullFrame).toBe(theirs[job]![i]!.fullFrame);
        const bytes = await readFile(outOf(job, i));
        const tensor = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        expect(tensor.length).toBe(ours.tensor.length);
        let worst = 0;
        for (let k = 0; k < tensor.length; k++) worst = Math.max(worst, Math.abs(tensor[k]! - ours.tensor[k]!));
        expect(worst, `slice ${i}`).toBeLessThanOrEqual(1e-5);
      }
    },
  );
});

describe('modelInput', () => {
  it('crops to the bones of the body and leaves the couch out', () => {
    const { crop, box, fullFrame } = modelInput(neck(400, 400), spec);
    expect(fullFrame).toBe(false);
    // Bones reach from row 88 to 232 and from column 120 to 280; 5 % of 145 rows and 161 columns on each side.
    expect(crop).toEqual({ top: 81, left: 112, bottom: 240, right: 289 });
    // 159 of 177 are 86 of 96 rows, five of zeros above: 9 of the slice.
    expect(box).toEqual({ top: 72, left: 112, bottom: 249, right: 289 });
  });

  // Without bone the whole frame. The longer side fills the square, what is left over is on both sides of the shorter, an odd pixel behind it.
  it.each([
    [80, 60, { top: 0, left: -10, bottom: 80, right: 70 }, [0, 95, 12, 83]],
    [60, 80, { top: -10, left: 0, bottom: 70, right: 80 }, [12, 83, 0, 95]],
    // 73.2 columns.
    [80, 61, { top: 0, left: -9, bottom: 80, right: 71 }, [0, 95, 11, 83]],
    [61, 80, { top: -9, left: 0, bottom: 71, right: 80 }, [11, 83, 0, 95]],
    // Enlarged to the double.
    [48, 30, { top: 0, left: -9, bottom: 48, right: 39 }, [0, 95, 18, 77]],
    // Never less than a column or a row.
    [400, 1, { top: 0, left: -196, bottom: 400, right: 204 }, [0, 95, 47, 47]],
    [1, 400, { top: -196, left: 0, bottom: 204, right: 400 }, [47, 47, 0, 95]],
  ])('a frame of %d x %d lies in the middle of its square', (rows, columns, box, drawn) => {
    const input = modelInput({ hu: new Float32Array(rows * columns).fill(60), rows, columns }, spec);
    expect(input.box).toEqual(box);
    for (const channel of [1, 2]) {
      const lit = Array.from(input.tensor.subarray(channel * 96 * 96, (channel + 1) * 96 * 96), (value, at) =>
        value > 0 ? [Math.floor(at / 96), at % 96] : [],
      ).filter((place) => place.length > 0) as [number, number][];
      const [down, across] = [lit.map(([row]) => row), lit.map(([, column]) => column)];
      expect([Math.min(...down), Math.max(...down), Math.min(...across), Math.max(...across)]).toEqual(drawn);
      expect(lit).toHaveLength((drawn[1]! - drawn[0]! + 1) * (drawn[3]! - drawn[2]! + 1));
    }
  });

  it('keeps to the largest bone by the literal rule', () => {
    const { crop } = modelInput(neck(400, 400), { ...spec, cropRule: 'largest-bone' });
    // The couch is the largest: what the literal rule does when one is in the field.
    expect(crop.top).toBeGreaterThan(340);
  });

  it('gives the full frame for a slice without bone, and says so', () => {
    for (const value of [-1000, 0, 3000]) {
      const input = modelInput({ hu: new Int16Array(80 * 60).fill(value), rows: 80, columns: 60 }, spec);
      expect(input.fullFrame).toBe(true);
      expect(input.crop).toEqual({ top: 0, left: 0, bottom: 80, right: 60 });
      expect(input.box).toEqual({ top: 0, left: -10, bottom: 80, right: 70 });
    }
  });

  it('keeps a line one pixel thin when it shrinks', () => {
    const image = neck(512, 512);
    const row = 256;
    for (let column = 215; column < 300; column++) image.hu[row * 512 + column] = 50;
    const without = modelInput(neck(512, 512), { ...spec, sizePixels: 64 });
    const withLine = modelInput(image, { ...spec, sizePixels: 64 });
    let most = 0;
    for (let i = 0; i < 64 * 64; i++) most = Math.max(most, without.tensor[i]! - withLine.tensor[i]!);
    expect(most).toBeGreaterThan(0.1);
  });

  it('takes Int16 and Float32 alike', () => {
    const image = neck(200, 220);
    const asInt16 = modelInput({ ...image, hu: Int16Array.from(image.hu) }, spec);
    expect(asInt16).toEqual(modelInput(image, spec));
  });

  it('holds for any image: values in 0..1, a square box around the crop, zeros outside of it', () => {
    const sides = fc.integer({ min: 1, max: 40 });
    const images = fc.tuple(sides, sides).chain(([rows, columns]) =>
      fc.record({
        rows: fc.constant(rows),
        columns: fc.constant(columns),
        hu: fc.int16Array({ minLength: rows * columns, maxLength: rows * columns, min: -1024, max: 3071 }),
      }),
    );
    fc.assert(
      fc.property(
        images,
        fc.constantFrom(...CROP_RULES),
        fc.integer({ min: 1, max: 48 }),
        (image, cropRule, sizePixels) => {
          const { tensor, box, crop } = modelInput(image, { ...spec, cropRule, sizePixels });
          expect(tensor.length).toBe(3 * sizePixels * sizePixels);
          expect(tensor.every((value) => value >= 0 && value <= 1 + 1e-6)).toBe(true);
          expect(crop.top >= 0 && crop.left >= 0 && crop.bottom <= image.rows && crop.right <= image.columns).toBe(
            true,
          );
          expect(box.bottom - box.top).toBe(box.right - box.left);
          // One pixel of slack: padding is whole pixels of the input square.
          const slack = Math.ceil((box.right - box.left) / sizePixels);
          expect(box.top <= crop.top && box.bottom >= crop.bottom - slack).toBe(true);
          expect(box.left <= crop.left && box.right >= crop.right - slack).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
