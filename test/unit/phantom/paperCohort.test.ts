import { mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { NIFTI1 } from 'nifti-reader-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { maskNifti } from '../../../src/phantom/maskNifti.ts';
import { drawPaperCohort } from '../../../src/phantom/paperCohort.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writePhantomCohort } from '../../../src/phantom/writePhantomCohort.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'cohort-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('drawPaperCohort', () => {
  const cohort = drawPaperCohort({ seed: 5, count: 3666, rows: 32 });
  const positive = cohort.filter((params) => params.fractures.length > 0);
  const negative = cohort.filter((params) => params.fractures.length === 0);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('is the paper’s: 729 of 3,666 positive, nine years older, more men among them', () => {
    expect(Math.abs(positive.length - 729)).toBeLessThanOrEqual(1);
    const ages = (params: typeof cohort): number => mean(params.map(({ patient }) => patient.ageYears));
    // Twice the standard error of the difference is 1.6 years.
    expect(Math.abs(ages(positive) - ages(negative) - 9)).toBeLessThan(1.6);
    const men = (params: typeof cohort): number => mean(params.map(({ patient }) => (patient.sex === 'M' ? 1 : 0)));
    expect(men(positive) - men(negative)).toBeGreaterThan(0.05);
    expect(Math.min(...cohort.map(({ patient }) => patient.ageYears))).toBeGreaterThanOrEqual(18);
  });

  it('has the prevalence in every beginning, and grows without moving a case', () => {
    for (const count of [5, 20, 101, 1000]) {
      const broken = cohort.slice(0, count).filter((params) => params.fractures.length > 0).length;
      expect(Math.abs(broken - (count * 729) / 3666)).toBeLessThanOrEqual(1);
    }
    expect(drawPaperCohort({ seed: 5, count: 7, rows: 32 })).toEqual(cohort.slice(0, 7));
    expect(drawPaperCohort({ seed: 5, count: 50, prevalence: 1 }).every((params) => params.fractures.length > 0)).toBe(
      true,
    );
    expect(drawPaperCohort({ seed: 5, count: 50, prevalence: 0 }).some((params) => params.fractures.length > 0)).toBe(
      false,
    );
  });

  it('breaks every kind at every grade, some in two places', () => {
    expect(
      new Set(
        positive.flatMap(({ fractures }) => fractures.map(({ name, grade }) => `${name.split('@')[0]!} ${grade}`)),
      ).size,
    ).toBe(36);
    expect(positive.filter(({ fractures }) => fractures.length === 2).length / positive.length).toBeCloseTo(0.2, 1);
  });
});

describe('maskNifti', () => {
  it.each(['HFS', 'FFP'] as const)(
    'lays the voxels where the series lies in the patient (%s, tilted)',
    (patientPosition) => {
      const phantom = generatePhantom(
        drawPhantomParams(3, {
          rows: 64,
          slices: 10,
          patientPosition,
          tiltDegrees: 10,
          fractures: [{ fracture: 'burst@C5', grade: 'obvious' }],
        }),
      );
      const bytes = gunzipSync(maskNifti(phantom));
      const header = new NIFTI1();
      header.readHeader(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      expect(header.dims.slice(0, 4)).toEqual([3, 64, 64, 10]);
      expect(header.numBitsPerVoxel).toBe(8);
      const voxels = bytes.subarray(header.vox_offset);
      expect(Buffer.compare(voxels, phantom.mask)).toBe(0);
      // Fracture 1 is marked about its centre, which DICOM names in LPS and NIfTI in RAS.
      const [x, y, z] = phantom.fractures[0]!.centreMm;
      const marked = [...voxels.keys()].filter((i) => voxels[i] === 1);
      const places = marked.map((i) => [i % 64, Math.floor(i / 64) % 64, Math.floor(i / 4096), 1]);
      const centre = [0, 1, 2].map(
        (axis) =>
          places.reduce(
            (sum, place) => sum + place.reduce((mm, index, k) => mm + index * header.affine[axis]![k]!, 0),
            0,
          ) / places.length,
      );
      expect(marked.length).toBeGreaterThan(10);
      for (const [axis, mm] of [-x, -y, z].entries()) expect(Math.abs(centre[axis]! - mm)).toBeLessThan(8);
    },
  );
});

describe('writePhantomCohort', () => {
  const options = {
    seed: 60,
    count: 4,
    slices: 6,
    rows: 64,
    paper: { prevalence: 0.5 },
    studyDateTime: '20261129120000',
  };

  it('writes the same cohort in one process and in several', async () => {
    const one = path.join(dir, 'one');
    const two = path.join(dir, 'two');
    const seen: number[] = [];
    const studies = await writePhantomCohort({
      ...options,
      out: one,
      processes: 1,
      onProgress: (done) => {
        seen.push(done);
      },
    });
    expect(await writePhantomCohort({ ...options, out: two, processes: 2 })).toEqual(studies);
    expect(seen).toEqual([1, 2, 3, 4]);
    for (const file of [
      'labels.csv',
      'cases.csv',
      `${studies[3]!.folder}/IM0006.dcm`,
      `masks/${studies[3]!.folder}.nii.gz`,
    ]) {
      expect((await readFile(path.join(two, file))).equals(await readFile(path.join(one, file))), file).toBe(true);
    }
    const rows = (await readFile(path.join(one, 'cases.csv'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(rows[0]).toEqual([
      'folder',
      'studyInstanceUid',
      'patientId',
      'sex',
      'ageYears',
      'caseLabel',
      'fractures',
      'grades',
      'slices',
      'sliceSpacingMm',
      'mask',
    ]);
    expect(rows.slice(1).map((row) => row[5])).toEqual(studies.map((study) => (study.caseLabel ? '1' : '0')));
    expect(rows.filter((row) => row[5] === '1')).toHaveLength(2);
    for (const row of rows.slice(1)) expect(row[6] !== '').toBe(row[5] === '1');
    expect((await readdir(path.join(one, 'masks'))).length).toBe(4);
  });

  it('goes on where a killed run was, and draws again what was asked otherwise', async () => {
    const out = path.join(dir, 'resumed');
    const [first, second] = await writePhantomCohort({ ...options, count: 2, out, processes: 1 });
    const written = async (study: { folder: string }): Promise<number> =>
      (await stat(path.join(out, study.folder, 'IM0001.dcm'))).mtimeMs;
    const before = [await written(first!), await written(second!)];
    // Killed within the second study: its record is not there yet, its last file is cut off.
    await rm(path.join(out, '.written', `${second!.folder}.json`));
    await truncate(path.join(out, second!.folder, 'IM0006.dcm'), 1000);
    await rm(path.join(out, 'labels.csv'));
    await writePhantomCohort({ ...options, count: 2, out, processes: 1 });
    expect(await written(first!)).toBe(before[0]);
    expect(await written(second!)).toBeGreaterThan(before[1]!);
    expect((await stat(path.join(out, second!.folder, 'IM0006.dcm'))).size).toBeGreaterThan(8192);
    expect((await readFile(path.join(out, 'labels.csv'), 'utf8')).trim().split('\n')).toHaveLength(1 + 2 * 6);
    await writePhantomCohort({ ...options, slices: 5, count: 1, out, processes: 1 });
    expect(await written(first!)).toBeGreaterThan(before[0]!);
    // Nothing of the other series is left in the folder.
    expect(await readdir(path.join(out, first!.folder))).toHaveLength(5);
  });
});
