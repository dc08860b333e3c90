import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CaseManifest } from '../../../src/case/case.ts';
import { modelCardMarkdown } from '../../../src/cli/modelCardMarkdown.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { startInferenceProcess } from '../../../src/infer/inferenceProcess.ts';
import { inferSeries } from '../../../src/infer/inferSeries.ts';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import type { VolumeCard } from '../../../src/infer/modelCard.ts';
import { openModel } from '../../../src/infer/openModel.ts';
import { createLog } from '../../../src/base/log.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';
import { responseOnSource } from '../../../src/report/heatmap.ts';
import { BRIGHTEST_INPUT, writeBrightestVoxel } from './brightestVoxel.ts';
import { ctFile } from './ctFile.ts';
import { noByteMayChange } from './noByteMayChange.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const CPU = { provider: 'cpu', threads: 1 } as const;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'odontoid-volume-'));
});
afterAll(async () => rm(dir, { recursive: true }));

let made = 0;
/** A package of its own, with a change to its manifest. */
async function handMade(change?: (card: VolumeCard) => void): Promise<string> {
  const place = path.join(dir, `package-${++made}`);
  await writeBrightestVoxel(place, change);
  return place;
}

describe('a package of the kind volume', () => {
  it('loads, and its card says what it sees', async () => {
    const loaded = await loadModelPackage(await handMade());
    expect(loaded.card.kind).toBe('volume');
    await expect(openModel(loaded, CPU)).resolves.toMatchObject({ provider: 'cpu' });
    expect(modelCardMarkdown(loaded.card, loaded.identity)).toContain(
      'the whole scan in voxels of 2 x 2 x 2 mm, a field of 32 mm about the middle of the image',
    );
  });

  it('is refused with any byte of its graph changed', async () => {
    await noByteMayChange(await handMade(), 'volumeNetwork.onnx');
  });

  it('is refused with a key of the other kind, or without one of its own, and the key is named', async () => {
    for (const [change, named] of [
      [(card: VolumeCard) => Object.assign(card.input, { cropRule: 'bone-in-body' }), 'cropRule'],
      [(card: VolumeCard) => Object.assign(card.files, { sliceEncoder: card.files.volumeNetwork }), 'sliceEncoder'],
      [(card: VolumeCard) => Reflect.deleteProperty(card.input, 'sliceSpacingMm'), 'input.sliceSpacingMm'],
      [(card: VolumeCard) => Reflect.deleteProperty(card.outputs, 'cam'), 'outputs.cam'],
      [(card: VolumeCard) => Object.assign(card, { levels: ['C1'] }), 'levels and outputs.sliceLevel come together'],
      [(card: VolumeCard) => (card.input.windowsHu = []), 'input.windowsHu'],
    ] as const) {
      await expect(loadModelPackage(await handMade(change as (card: VolumeCard) => void))).rejects.toMatchObject({
        code: 'model-invalid',
        message: expect.stringContaining(named) as string,
      });
    }
  });

  it('is refused where its golden case or its shapes differ', async () => {
    for (const [change, message] of [
      [(card: VolumeCard) => (card.golden.sliceScores[1]! -= 0.01), 'golden case'],
      [(card: VolumeCard) => (card.golden.camMean += 0.01), 'golden case'],
      [(card: VolumeCard) => card.golden.domainDistances.push(1), 'golden case'],
      [(card: VolumeCard) => (card.input.sizePixels = 32), 'has shape'],
      [(card: VolumeCard) => (card.input.camRows = 5), 'has shape'],
      [(card: VolumeCard) => card.input.windowsHu.push({ centerHu: 0, widthHu: 1 }), 'has shape'],
      [(card: VolumeCard) => (card.outputs.sliceScore = 'score'), 'has no "score"'],
      // Twice as many rows as the graph gives.
      [(card: VolumeCard) => (card.input.slicesPerRow = 2), 'is not'],
    ] as const) {
      const loaded = await loadModelPackage(await handMade(change));
      await expect(openModel(loaded, CPU)).rejects.toMatchObject({
        message: expect.stringContaining(message) as string,
      });
    }
  });
});

describe('the network of the brightest voxel, in the inference process', () => {
  const [ROWS, COLUMNS, SLICES] = [80, 100, 30];
  let model: TriageModel;
  beforeAll(async () => {
    model = await startInferenceProcess({
      modelDir: await handMade(),
      ...CPU,
      memoryLimitMb: 4096,
      timeoutMs: 60_000,
      niceness: 5,
      clock: systemClock,
      log: createLog('silent'),
    });
  });
  afterAll(async () => model.close());

  /** A scan of air with one bright spot of 3 x 3 pixels on one slice, row, column and slice as stored; 0.5 mm between rows and 0.4 mm between columns. */
  async function scan(
    name: string,
    spot: { slice: number; row: number; column: number },
    spacingMm: number,
    orientation = '1\\0\\0\\0\\1\\0',
  ): Promise<CaseManifest> {
    const slices: CaseManifest['slices'] = [];
    for (let index = 0; index < SLICES; index++) {
      const samples = new Uint16Array(ROWS * COLUMNS).fill(24);
      if (index === spot.slice)
        for (let row = -1; row <= 1; row++)
          for (let column = -1; column <= 1; column++)
            samples[(spot.row + row) * COLUMNS + spot.column + column] = 3000;
      const file = path.join(dir, `${name}-${index}.dcm`);
      await writeFile(
        file,
        ctFile({ rows: ROWS, columns: COLUMNS, samples, change: { 0x00200037: ['DS', orientation] } }),
      );
      slices.push({
        sopInstanceUid: `1.2.${index}`,
        sopClassUid: '1',
        path: file,
        sha256: `${name}${index}`,
        positionMm: -index * spacingMm,
      });
    }
    return {
      seriesInstanceUid: '1',
      slices,
      sliceSpacingMm: spacingMm,
      coverageMm: SLICES * spacingMm,
      gaps: [],
      duplicateSopInstanceUids: [],
      series: [],
      inputSha256: '',
    };
  }
  const analyse = (manifest: CaseManifest): ReturnType<typeof inferSeries> =>
    inferSeries({
      manifest,
      model,
      cached: new Map(),
      resolvePath: (file) => file,
      threshold: { value: 0.05, version: 1 },
      clock: systemClock,
    });

  it('finds the spot again: on the key slice, and in the heatmap on the stored pixels, in any orientation', async () => {
    for (const [index, [orientation, spacingMm]] of (
      [
        ['1\\0\\0\\0\\1\\0', 2.5],
        ['-1\\0\\0\\0\\-1\\0', 1],
        ['0\\1\\0\\1\\0\\0', 4],
      ] as const
    ).entries()) {
      const spot = { slice: 17, row: 30, column: 62 };
      const { decision, keySlices, slices } = await analyse(await scan(`spot${index}`, spot, spacingMm, orientation));
      expect(decision).toBe('suspected');
      const [key] = keySlices;
      // A row is 8 mm; its middle is at most half of that off.
      expect(Math.abs(key!.sliceIndex - spot.slice) * spacingMm).toBeLessThanOrEqual(4 + spacingMm / 2);
      expect(slices[key!.sliceIndex]).toMatchObject({ score: key!.score, imageProbability: key!.score });
      expect(slices).toHaveLength(SLICES);
      const response = responseOnSource(key!.cam, key!.camRows, key!.camColumns, key!.crop);
      const peak = response.indexOf(Math.max(...response));
      const [row, column] = [Math.floor(peak / COLUMNS), peak % COLUMNS];
      // A cell is 8 mm.
      expect(Math.abs(row - spot.row) * 0.5).toBeLessThanOrEqual(8);
      expect(Math.abs(column - spot.column) * 0.4).toBeLessThanOrEqual(8);
      expect(response[spot.row * COLUMNS + spot.column]).toBeGreaterThan(0.5);
    }
  });

  it('sees the whole scan, and says nothing of a slice alone', async () => {
    const manifest = await scan('alone', { slice: 3, row: 40, column: 50 }, 2);
    const encoded = await Promise.all(manifest.slices.map(({ path: file }) => model.encodeSlice(file)));
    expect(encoded[3]!.feature).toHaveLength(BRIGHTEST_INPUT.sizePixels ** 2);
    expect([encoded[3]!.imageProbability, encoded[3]!.cam.length]).toEqual([0, 0]);
    const score = await model.classify(
      encoded,
      manifest.slices.map(({ positionMm }) => positionMm),
    );
    expect(score.probability).toBeCloseTo(Math.max(...score.sliceScores), 6);
    expect(score.ofSlices![3]!.cam).toBeInstanceOf(Float32Array);
    await expect(model.classify(encoded, [0])).rejects.toMatchObject({ code: 'inference-failed' });
    await expect(
      model.classify(
        encoded,
        manifest.slices.map(({ positionMm }) => -positionMm),
      ),
    ).rejects.toMatchObject({ code: 'geometry-unusable' });
  });
});
