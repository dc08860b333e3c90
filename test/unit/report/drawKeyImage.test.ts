import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CaseManifest, KeySlice, SliceCrop } from '../../../src/case/case.ts';
import type { SourceSlice } from '../../../src/case/triageModel.ts';
import { drawKeyImage } from '../../../src/report/drawKeyImage.ts';
import { sagittalSlices } from '../../../src/report/sagittalSlices.ts';
import { storedKeyImage } from '../../../src/report/storedKeyImage.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { keySlice, lineOf, makeStudy, suspected, type Study } from './reportFixture.ts';

let study: Study;
beforeAll(async () => {
  study = await makeStudy();
});
afterAll(() => study.remove());

const [ROWS, COLUMNS] = [20, 30];
const TURNS = [false, true].flatMap((transpose) =>
  [false, true].flatMap((flipRows) => [false, true].map((flipColumns) => ({ transpose, flipRows, flipColumns }))),
);

/** No two pixels of a slice, and no two slices, have the same value. */
const huAt = (slice: number, row: number, column: number): number => 40 * slice + 25 * row + column - 300;

/** How a slice is stored that is `huAt` once it has been turned. */
function storedSlice(slice: number, { transpose, flipRows, flipColumns }: (typeof TURNS)[number]): SourceSlice {
  const size = transpose ? { rows: COLUMNS, columns: ROWS } : { rows: ROWS, columns: COLUMNS };
  const hu = new Float32Array(ROWS * COLUMNS);
  for (let row = 0; row < ROWS; row++)
    for (let column = 0; column < COLUMNS; column++) {
      const down = flipRows ? ROWS - 1 - row : row;
      const across = flipColumns ? COLUMNS - 1 - column : column;
      hu[transpose ? across * size.columns + down : down * size.columns + across] = huAt(slice, row, column);
    }
  return { hu, ...size };
}

const manifestOf = (count: number, sliceSpacingMm: number): CaseManifest => ({
  ...study.claim.record.manifest!,
  sliceSpacingMm,
  slices: Array.from({ length: count }, (_, index) => ({
    ...study.claim.record.manifest!.slices[0]!,
    path: String(index),
    positionMm: 7 - index * sliceSpacingMm,
  })),
});

test('slice and sagittal are the same however the matrix is stored', async () => {
  const draw = async (turn: (typeof TURNS)[number]): Promise<Buffer> => {
    const stored = storedSlice(4, turn);
    const crop: SliceCrop = {
      top: 2,
      left: 3,
      bottom: 18,
      right: 24,
      fullFrame: false,
      ...turn,
      rows: stored.rows,
      columns: stored.columns,
    };
    const best: KeySlice = { ...keySlice(study.claim, 4, 0.9), crop };
    const { rgb } = await drawKeyImage({
      manifest: manifestOf(9, 3),
      keySlices: [best],
      stored,
      // Rows of the patient are 1.5 mm apart, columns 0.5 mm.
      isCompressed: false,
      pixelSpacingMm: turn.transpose ? [0.5, 1.5] : [1.5, 0.5],
      decodeLines: (images, line) =>
        Promise.resolve(images.map(({ path }) => lineOf(storedSlice(Number(path), turn), line))),
    });
    return Buffer.from(rgb);
  };
  const [asTrained, ...turned] = await Promise.all(TURNS.map(draw));
  expect(turned.map((picture) => picture.equals(asTrained!))).toEqual(turned.map(() => true));
  // The column of the point: (3 + 24) / 2 = 13.5. Both are 30 mm deep at 414 / 30 = 13.8 pixels a mm; the sagittal is 27 mm high, from row 26 + (414 - 373) / 2.
  const at = (row: number, column: number): number => asTrained![(row * 928 + column) * 3]!;
  // 200.5 / 13.8 = 14.529 mm down, slice 4.343; 100.5 / 13.8 = 7.283 mm back, row 4.355: 173.7 + 108.9 + 13 - 300 = -4.4 HU.
  expect(at(46 + 200, 468 + 23 + 100)).toBe(56);
});

test('a sagittal is made of evenly spaced slices, no more than its picture can show, and no higher than a neck', () => {
  const of = (count: number, spacingMm: number, key: number, encoding: 'native' | 'compressed' = 'native') => {
    const { indices, stepMm } = sagittalSlices(manifestOf(count, spacingMm), key, encoding);
    const steps = new Set(indices.slice(1).map((index, at) => index - indices[at]!));
    return [indices.length, indices[0], indices.at(-1), [...steps], stepMm, indices.includes(key)];
  };
  expect(of(80, 2, 11)).toEqual([80, 0, 79, [1], 2, true]);
  // 320 slices of 0.625 mm: every second one, so that the key slice is one of them.
  expect(of(320, 0.625, 101)).toEqual([160, 1, 319, [2], 1.25, true]);
  expect(of(320, 0.625, 101, 'compressed')).toEqual([80, 1, 317, [4], 2.5, true]);
  // 600 mm of body: 120 mm to either side of the key slice, or 240 mm from the end.
  expect(of(601, 1, 300)).toEqual([121, 180, 420, [2], 2, true]);
  expect(of(601, 1, 20)).toEqual([121, 0, 240, [2], 2, true]);
  expect(of(601, 1, 591)).toEqual([120, 361, 599, [2], 2, true]);
  expect(of(1, 1, 0)).toEqual([1, 0, 0, [], 1, true]);
});

test('the page shows the pixels that the PACS gets, and nothing of a card without them', async () => {
  const findings = suspected(study.claim);
  const cardOf = async (heatmaps: boolean): Promise<{ path: string; rgb: Uint8Array }> => {
    const pictures = new Map<string, Uint8Array>();
    const writer = createResultWriter({
      ...study.options,
      options: { heatmaps },
      onPicture: ({ rgb }, sopInstanceUid) => Promise.resolve(void pictures.set(sopInstanceUid, rgb)),
    });
    const card = (await writer.write(study.claim, findings))[1]!;
    return { path: card.path, rgb: pictures.get(card.sopInstanceUid)! };
  };
  const { path, rgb } = await cardOf(true);
  const shown = PNG.sync.read(Buffer.from((await storedKeyImage(path))!));
  expect([shown.height, shown.width]).toEqual([440, 928]);
  const differing = Array.from({ length: 440 }, (_, row) => row).filter((row) =>
    Array.from({ length: 928 }, (__, column) => column).some((column) =>
      [0, 1, 2].some(
        (channel) =>
          shown.data[(row * 928 + column) * 4 + channel] !== rgb[((252 + row) * 1024 + 48 + column) * 3 + channel],
      ),
    ),
  );
  expect(differing).toEqual([]);
  // The ring of bone of the key slice: something is drawn.
  expect(shown.data.filter((value, at) => at % 4 === 0 && value > 180).length).toBeGreaterThan(5_000);
  expect(await storedKeyImage((await cardOf(false)).path)).toBeNull();
});

test('a file that is no card, or is gone, is no picture', async () => {
  const path = join(study.root, 'no-card.dcm');
  await writeFile(path, 'nothing of DICOM');
  await expect(storedKeyImage(path)).rejects.toMatchObject({ code: 'dicom-unreadable' });
  await expect(storedKeyImage(join(study.root, 'gone.dcm'))).rejects.toMatchObject({ code: 'ENOENT' });
});
