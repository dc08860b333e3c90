import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { VERTEBRAE } from '../../../src/case/vertebrae.ts';
import type { TruthSlice } from '../../../src/dataset/dataset.ts';
import { readDataset } from '../../../src/dataset/readDataset.ts';
import { vertebraTruth } from '../../../src/dataset/vertebraTruth.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { maskNifti } from '../../../src/phantom/maskNifti.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';

const SIDE = 96;
const SLICES = 40;
const STUDIES = ['1.2.1', '1.2.2', '1.2.3'];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'vertebrae-'));
});
afterEach(() => rm(root, { recursive: true }));

const phantom = generatePhantom(drawPhantomParams(5, { rows: SIDE, slices: SLICES, fractures: 'none' }));

/** A volume with a block of 9 pixels for each vertebra that a slice cuts, and one pixel, which is too little, of the next one. */
function labelled(): Uint8Array {
  const labels = new Uint8Array(SLICES * SIDE * SIDE);
  for (const [slice, levels] of phantom.levelsBySlice.entries()) {
    for (const level of levels) {
      const number = VERTEBRAE.indexOf(level) + 1;
      for (let i = 0; i < 9; i++)
        labels[(slice * SIDE + 3 * number + Math.floor(i / 3)) * SIDE + 20 + (i % 3)] = number;
    }
    labels[slice * SIDE * SIDE] = levels.includes('C3') ? 7 : 3;
  }
  return gunzipSync(maskNifti({ ...phantom, mask: labels }));
}

/** The same voxels as 64-bit floating point numbers, as some tools write label maps. */
function asDoubles(bytes: Uint8Array): Buffer {
  const doubles = Buffer.alloc(352 + 8 * (bytes.length - 352));
  doubles.set(bytes.subarray(0, 352));
  doubles.writeInt16LE(64, 70);
  doubles.writeInt16LE(64, 72);
  for (let i = 352; i < bytes.length; i++) doubles.writeDoubleLE(bytes[i]!, 352 + 8 * (i - 352));
  return doubles;
}

it('the segmentations of the RSNA release say which vertebrae each slice cuts', async () => {
  const folder = path.join(root, 'train_images', STUDIES[0]!);
  const { files } = await writePhantomStudy(phantom, { dir: folder });
  const slices = await Promise.all(
    files.map(async ({ path: file }): Promise<TruthSlice> => ({ file, header: readHeader(await readFile(file)) })),
  );
  for (const study of STUDIES.slice(1)) await mkdir(path.join(root, 'train_images', study));
  await writeFile(
    path.join(root, 'train.csv'),
    [
      'StudyInstanceUID,patient_overall,C1,C2,C3,C4,C5,C6,C7',
      ...STUDIES.map((study) => `${study},0${',0'.repeat(7)}`),
    ].join('\n'),
  );
  await mkdir(path.join(root, 'segmentations'));
  const whole = labelled();
  await writeFile(path.join(root, 'segmentations', `${STUDIES[0]!}.nii`), whole);
  await writeFile(path.join(root, 'segmentations', `${STUDIES[1]!}.nii`), asDoubles(whole));
  const { cases } = await readDataset(root);
  const [plain, doubles, none] = cases;
  const expected = phantom.levelsBySlice.map((levels) => VERTEBRAE.filter((level) => levels.includes(level)));
  expect(new Set(expected.flat()).size).toBeGreaterThan(6);
  // The mean over the blocks of 9 pixels and the stray one at the corner.
  const middles = expected.map((levels) => {
    if (levels.length === 0) return null;
    const rows = levels.map((level) => 9 * (3 * (VERTEBRAE.indexOf(level) + 1) + 1)).reduce((sum, row) => sum + row, 0);
    const pixels = 9 * levels.length + 1;
    return [rows / pixels, (9 * 21 * levels.length) / pixels];
  });
  for (const segmented of [plain!, doubles!]) {
    const { spine, problems } = await vertebraTruth(segmented, slices);
    expect([spine!.map(({ levels }) => levels), problems]).toEqual([expected, []]);
    for (const [slice, { middle }] of spine!.entries())
      expect(middle?.map((at) => at.toFixed(6))).toEqual(middles[slice]?.map((at) => at.toFixed(6)));
  }
  expect(await vertebraTruth(none!, slices)).toEqual({ spine: null, problems: [] });

  await writeFile(doubles!.vertebrae!, whole.subarray(0, 5_000));
  expect(await vertebraTruth(doubles!, slices)).toEqual({
    spine: null,
    problems: [
      { where: STUDIES[1], problem: `the segmentation ${STUDIES[1]!}.nii is not used: it is cut off`, dropped: false },
    ],
  });
  await writeFile(doubles!.vertebrae!, whole.fill(0, 352));
  expect((await vertebraTruth(doubles!, slices)).problems[0]!.problem).toMatch(/it shows no vertebra on any slice$/);
});
