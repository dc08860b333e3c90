import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeCard } from '../../../src/infer/modelCard.ts';
import { node, onnx, value } from './handMadeGraph.ts';

/** Geometry of the hand-made package: a field of 32 mm, rows of 8 mm, cells of 8 mm. */
export const BRIGHTEST_INPUT: VolumeCard['input'] = {
  sizePixels: 16,
  pixelSpacingMm: 2,
  sliceSpacingMm: 2,
  slicesPerRow: 4,
  windowsHu: [{ centerHu: 500, widthHu: 1000 }],
  camRows: 4,
  camColumns: 4,
};
const GOLDEN_SLICES = 8;

/**
 * Writes a package of the kind `volume` made by hand: the response of a cell is its brightest voxel, the score of a row its strongest cell, the score of the scan its
 * strongest row. Golden values are worked out here, not taken from a runtime.
 */
export async function writeBrightestVoxel(
  dir: string,
  change: (card: VolumeCard) => void = () => undefined,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const { sizePixels, slicesPerRow, camRows } = BRIGHTEST_INPUT;
  const pool = [slicesPerRow, sizePixels / camRows, sizePixels / camRows];
  const graph = onnx(
    [
      node('MaxPool', ['volume'], ['cells'], { kernel_shape: pool, strides: pool }),
      node('Squeeze', ['cells'], ['cam'], { axes: [0, 1] }),
      node('ReduceMax', ['cam'], ['slice_score'], { axes: [1, 2], keepdims: 0 }),
      node('ReduceMax', ['slice_score'], ['case_probability'], { axes: [0], keepdims: 0 }),
      node('Identity', ['slice_score'], ['domain_distance'], {}),
    ],
    [value('volume', [1, 1, 'slices', sizePixels, sizePixels])],
    [
      value('case_probability', []),
      value('slice_score', ['rows']),
      value('domain_distance', ['rows']),
      value('cam', ['rows', 4, 4]),
    ],
  );
  await writeFile(path.join(dir, 'volumeNetwork.onnx'), graph);

  const pixels = sizePixels * sizePixels;
  const cells = new Array<number>((GOLDEN_SLICES / slicesPerRow) * 16).fill(0);
  for (let i = 0; i < GOLDEN_SLICES * pixels; i++) {
    const [slice, row, column] = [Math.floor(i / pixels), Math.floor((i % pixels) / sizePixels), i % sizePixels];
    const cell = Math.floor(slice / 4) * 16 + Math.floor(row / 4) * 4 + Math.floor(column / 4);
    cells[cell] = Math.max(cells[cell]!, ((i * 7919) % 256) / 255);
  }
  const rows = [Math.max(...cells.slice(0, 16)), Math.max(...cells.slice(16))];
  // What is the same for every kind is taken from the shipped package.
  const shipped = JSON.parse(await readFile('models/compact/model.json', 'utf8')) as VolumeCard;
  const card: VolumeCard = {
    ...shipped,
    levels: undefined,
    kind: 'volume',
    name: 'brightest-voxel',
    version: '1.0.0',
    files: {
      volumeNetwork: {
        path: 'volumeNetwork.onnx',
        sha256: createHash('sha256').update(graph).digest('hex'),
        sizeBytes: graph.length,
      },
    },
    input: structuredClone(BRIGHTEST_INPUT),
    outputs: {
      caseProbability: 'case_probability',
      sliceScore: 'slice_score',
      domainDistance: 'domain_distance',
      cam: 'cam',
    },
    operatingPoints: [{ name: 'default', threshold: 0.5, sensitivity: 1, specificity: 1 }],
    domain: { output: shipped.domain.output, statistic: shipped.domain.statistic, unit: shipped.domain.unit, limit: 2 },
    golden: {
      statement: 'by hand',
      tolerance: 1e-4,
      multiplier: 7919,
      modulus: 256,
      slices: GOLDEN_SLICES,
      caseProbability: Math.max(...rows),
      sliceScores: rows,
      domainDistances: rows,
      camMaximum: Math.max(...cells),
      camMean: cells.reduce((sum, one) => sum + one, 0) / cells.length,
    },
  };
  change(card);
  await writeFile(path.join(dir, 'model.json'), JSON.stringify(card));
}
