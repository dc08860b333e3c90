import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERTEBRAE } from '../../../src/case/vertebrae.ts';
import { modelCardMarkdown } from '../../../src/cli/modelCardMarkdown.ts';
import type { LoadedModel } from '../../../src/infer/loadedModel.ts';
import { loadModelPackage, type VertebraSequenceCard } from '../../../src/infer/modelCard.ts';
import { openModel } from '../../../src/infer/openModel.ts';
import { sideOf } from '../../../src/infer/vertebraSequenceModel.ts';
import { node, onnx, value } from './handMadeGraph.ts';

const CPU = { provider: 'cpu', threads: 1 } as const;
/** Planes of 16 x 16 pixels of 2 mm, 2 mm apart; cells of 8 mm. */
const SIZE = 16;
const GOLDEN_SLICES = 4;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'odontoid-vertebra-'));
});
afterAll(() => rm(dir, { recursive: true }));

const brightest = (values: readonly number[]): number => values.reduce((most, one) => Math.max(most, one), 0);

/**
 * A package made by hand: a cell responds with its brightest voxel; a plane shows the vertebra whose band of two columns is bright, C1 on the left of the image; a vertebra is as
 * likely broken as its band is bright anywhere. The middle of the spine is said by the left and the right half of a plane: a dark plane has it in the first pixel.
 */
async function handMade(change: (card: VertebraSequenceCard) => void = () => undefined): Promise<string> {
  const place = await mkdtemp(path.join(dir, 'package-'));
  await mkdir(place, { recursive: true });
  const graph = onnx(
    [
      node('MaxPool', ['volume'], ['cells'], { kernel_shape: [1, 4, 4], strides: [1, 4, 4] }),
      node('Squeeze', ['cells'], ['cam'], { axes: [0, 1] }),
      node('ReduceMax', ['cam'], ['slice_score'], { axes: [1, 2], keepdims: 0 }),
      node('ReduceMax', ['slice_score'], ['case_probability'], { axes: [0], keepdims: 0 }),
      node('Identity', ['slice_score'], ['domain_distance'], {}),
      node('MaxPool', ['volume'], ['bands'], { kernel_shape: [1, SIZE, 2], strides: [1, SIZE, 2] }),
      node('Squeeze', ['bands'], ['slice_level'], { axes: [0, 1, 3] }),
      node('ReduceMax', ['slice_level'], ['vertebra_probability'], { axes: [0], keepdims: 0 }),
      node('MaxPool', ['volume'], ['halves'], { kernel_shape: [1, SIZE, 8], strides: [1, SIZE, 8] }),
      node('Squeeze', ['halves'], ['middle'], { axes: [0, 1, 3] }),
    ],
    [value('volume', [1, 1, 'slices', SIZE, SIZE])],
    [
      value('case_probability', []),
      value('slice_score', ['rows']),
      value('domain_distance', ['rows']),
      value('slice_level', ['rows', 8]),
      value('cam', ['rows', 4, 4]),
      value('middle', ['rows', 2]),
      value('vertebra_probability', [8]),
    ],
  );
  await writeFile(path.join(place, 'volumeNetwork.onnx'), graph);

  const pixels = SIZE * SIZE;
  const golden = Array.from({ length: GOLDEN_SLICES }, (_, plane) =>
    Array.from({ length: pixels }, (__, pixel) => (((plane * pixels + pixel) * 7919) % 256) / 255),
  );
  const columns = (plane: readonly number[], from: number, to: number): number =>
    brightest(plane.filter((_, pixel) => pixel % SIZE >= from && pixel % SIZE < to));
  const levels = golden.map((plane) => VERTEBRAE.map((_, band) => columns(plane, 2 * band, 2 * band + 2)));
  const cells = golden.flatMap((plane) =>
    Array.from({ length: 16 }, (_, cell) =>
      brightest(
        plane.filter(
          (__, pixel) =>
            Math.floor(pixel / SIZE / 4) === Math.floor(cell / 4) && Math.floor((pixel % SIZE) / 4) === cell % 4,
        ),
      ),
    ),
  );
  const rows = golden.map(brightest);
  const shipped = JSON.parse(await readFile('models/compact/model.json', 'utf8')) as VertebraSequenceCard;
  const card: VertebraSequenceCard = {
    ...shipped,
    levels: [...VERTEBRAE],
    kind: 'vertebra-sequence',
    name: 'brightest-vertebra',
    version: '1.0.0',
    files: {
      volumeNetwork: {
        path: 'volumeNetwork.onnx',
        sha256: createHash('sha256').update(graph).digest('hex'),
        sizeBytes: graph.length,
      },
    },
    input: {
      sizePixels: SIZE,
      pixelSpacingMm: 2,
      sliceSpacingMm: 2,
      slicesPerRow: 1,
      cropPixels: 16,
      windowsHu: [{ centerHu: 500, widthHu: 1000 }],
      camRows: 4,
      camColumns: 4,
    },
    outputs: {
      caseProbability: 'case_probability',
      sliceScore: 'slice_score',
      domainDistance: 'domain_distance',
      sliceLevel: 'slice_level',
      cam: 'cam',
      middle: 'middle',
      vertebraProbability: 'vertebra_probability',
    },
    operatingPoints: [{ name: 'default', threshold: 0.5, sensitivity: 1, specificity: 1 }],
    domain: { output: shipped.domain.output, statistic: 'median', unit: shipped.domain.unit, limit: 2 },
    golden: {
      statement: 'by hand',
      tolerance: 1e-4,
      multiplier: 7919,
      modulus: 256,
      slices: GOLDEN_SLICES,
      caseProbability: brightest(rows),
      sliceScores: rows,
      domainDistances: rows,
      sliceLevels: levels,
      camMaximum: brightest(cells),
      camMean: cells.reduce((sum, one) => sum + one, 0) / cells.length,
      middles: golden.map((plane) => [columns(plane, 0, 8), columns(plane, 8, 16)]),
      vertebraProbabilities: VERTEBRAE.map((_, band) => brightest(levels.map((row) => row[band]!))),
    },
  };
  change(card);
  await writeFile(path.join(place, 'model.json'), JSON.stringify(card));
  return place;
}

describe('a package of the kind vertebra-sequence', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await openModel(await loadModelPackage(await handMade()), CPU);
  });

  it('says of itself what it sees', async () => {
    const { card, identity } = await loadModelPackage(await handMade());
    expect(modelCardMarkdown(card, identity)).toContain(
      'a field of 32 mm about the middle of the image, in it crops of 32 mm around the spine',
    );
  });

  it('is refused where its manifest, its shapes or its golden case differ', async () => {
    for (const [change, message] of [
      [(card: VertebraSequenceCard) => Reflect.deleteProperty(card.outputs, 'middle'), 'outputs.middle'],
      [(card: VertebraSequenceCard) => Reflect.deleteProperty(card, 'levels'), 'levels'],
      [(card: VertebraSequenceCard) => Object.assign(card.input, { slicesPerRow: 2 }), 'input.slicesPerRow'],
      [(card: VertebraSequenceCard) => card.levels.pop(), 'has shape'],
      [(card: VertebraSequenceCard) => (card.outputs.middle = 'centre'), 'has no "centre"'],
      [(card: VertebraSequenceCard) => (card.golden.middles[1]![1]! += 0.01), 'middle of the spine 3'],
      [(card: VertebraSequenceCard) => (card.golden.vertebraProbabilities[6]! -= 0.01), 'vertebra probability 6'],
      [(card: VertebraSequenceCard) => (card.golden.camMean += 0.01), 'the mean activation'],
    ] as const) {
      const open = handMade(change as (card: VertebraSequenceCard) => void)
        .then(loadModelPackage)
        .then((loaded) => openModel(loaded, CPU));
      await expect(open).rejects.toMatchObject({
        code: 'model-invalid',
        message: expect.stringContaining(message) as string,
      });
    }
  });

  it('names the vertebrae that the scan shows, each with its probability, and the side of the response', async () => {
    // Slices 4 mm apart, so that every second plane lies between two. One is bright in the bands of C3 and C6.
    const planes = new Float32Array(5 * SIZE * SIZE);
    planes[2 * SIZE * SIZE + 7 * SIZE + 4] = 0.6;
    planes[2 * SIZE * SIZE + 7 * SIZE + 11] = 0.9;
    const score = await model.classify(planes, [40, 36, 32, 28, 24]);
    expect(score.sliceLevels).toEqual([[], [], ['C3', 'C6'], [], []]);
    expect(score.vertebrae!.map(({ level, probability }) => [level, probability.toFixed(4)])).toEqual([
      ['C3', '0.6000'],
      ['C6', '0.9000'],
    ]);
    expect(score.probability).toBeCloseTo(0.9, 6);
    expect(score.ofSlices![2]!.cam[4 + 1]).toBeCloseTo(0.6, 6);
    expect(score.sliceSides).toEqual([null, null, 'left', null, null]);
  });
});

it('a response is on a side when it lies clearly beside the middle of the spine', () => {
  const input = { sizePixels: 16, pixelSpacingMm: 2, camColumns: 4 } as VertebraSequenceCard['input'];
  const side = (cells: Record<number, number>, middleColumn: number): ReturnType<typeof sideOf> =>
    sideOf(
      Float32Array.from({ length: 16 }, (_, cell) => cells[cell] ?? 0),
      middleColumn,
      input,
    );
  // The middle of the cells of the first column is at pixel 1.5, of the last at 13.5.
  expect(side({ 4: 1 }, 5.6)).toBe('right');
  expect(side({ 4: 1 }, 5.4)).toBeNull();
  expect(side({ 7: 1 }, 9.4)).toBe('left');
  expect(side({ 7: 1 }, 9.6)).toBeNull();
  // Responses on both sides are on none; a weak one does not count.
  expect(side({ 4: 1, 7: 0.9 }, 7.5)).toBeNull();
  expect(side({ 4: 1, 7: 0.4 }, 7.5)).toBe('right');
  expect(side({}, 7.5)).toBeNull();
});
