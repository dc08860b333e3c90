import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useSliceFile } from '../../src/compose/sliceFile.ts';
import { readStudyFolder } from '../../src/cohort/readStudyFolder.ts';
import { openCtFile, type CtSlice } from '../../src/infer/decodePixels.ts';
import { matchHeights, type HeightProfile } from '../../src/page/case/heightMatch.ts';
import { sliceProfile } from '../../src/page/case/sliceProfile.ts';

/** `npm run test:real -- DIR`: two parts of a real scan, as if they were two scans, are shown at the same height. */
const given = process.env['ODONTOID_REAL_DATA'] ?? '';
const MOST_SCANS = 3;
const LEAST_SLICES = 75;
const MOST_ERROR_MM = 3;
const TABLE_MM = 137.3;

interface Slice {
  positionMm: number;
  image: CtSlice;
}

/** The folders below it that hold a scan. */
async function scanFolders(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const folders = Map.groupBy(files, ({ parentPath }) => parentPath);
  const long = [...folders].filter(([, inside]) => inside.length >= LEAST_SLICES);
  return long
    .map(([path]) => path)
    .sort()
    .slice(0, MOST_SCANS);
}

/** Superior first. */
async function readScan(folder: string): Promise<Slice[]> {
  const { instances } = await readStudyFolder(folder, { receivedAtMs: 0, maxObjectBytes: 2 ** 28 });
  const slices: Slice[] = [];
  for (const { path, header } of instances) {
    const image = await useSliceFile(join(folder, path), async (file) => (await openCtFile(file)).slice());
    slices.push({ positionMm: header.imagePositionPatientMm![2], image });
  }
  return slices.sort((a, b) => b.positionMm - a.positionMm);
}

/** The middle of the field, as a reconstruction with a smaller one has it. */
function withField({ image, positionMm }: Slice, share: number): Slice {
  const columns = Math.round(share * image.columns);
  const rows = Math.round(share * image.rows);
  const [top, left] = [Math.floor((image.rows - rows) / 2), Math.floor((image.columns - columns) / 2)];
  const hu = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const from = (row + top) * image.columns + left;
    hu.set(image.hu.subarray(from, from + columns), row * columns);
  }
  return { positionMm, image: { ...image, hu, rows, columns } };
}

const profileOf = (slices: readonly Slice[], fieldMm: number): HeightProfile =>
  slices.map(({ positionMm, image }) => ({
    positionMm,
    profile: sliceProfile({ ...image, hu: Int16Array.from(image.hu) }, image.pixelSpacingMm, fieldMm),
  }));

describe.runIf(given !== '')('the height of two parts of a scan', () => {
  it('is the same to within a slice, with another start, spacing, field and table position', async () => {
    const folders = await scanFolders(resolve(given));
    expect(folders.length).toBeGreaterThan(0);
    for (const folder of folders) {
      const whole = await readScan(folder);
      const part = (from: number, to: number) =>
        whole.slice(Math.floor(from * whole.length), Math.ceil(to * whole.length));
      for (const [scan, prior] of [
        [part(0, 0.7), part(0.3, 1)],
        [part(0.1, 0.9), part(0.25, 0.9).filter((_, at) => at % 2 === 1)],
      ] as const) {
        const narrow = prior.map((slice) => ({ ...withField(slice, 0.6), positionMm: slice.positionMm + TABLE_MM }));
        const { columns, pixelSpacingMm } = narrow[0]!.image;
        const fieldMm = 0.9 * columns * pixelSpacingMm[1];
        const offsetMm = matchHeights(profileOf(scan, fieldMm), profileOf(narrow.toReversed(), fieldMm));
        expect(Math.abs(offsetMm! - TABLE_MM), folder).toBeLessThan(MOST_ERROR_MM);
      }
    }
  });
});
