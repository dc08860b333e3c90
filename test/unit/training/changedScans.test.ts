import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLabelledStudy } from '../../../src/cohort/readLabelledStudy.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import type { LabelledCase } from '../../../src/dataset/dataset.ts';
import { readDataset } from '../../../src/dataset/readDataset.ts';
import { openCtFile } from '../../../src/infer/decodePixels.ts';
import { writePhantomCohort } from '../../../src/phantom/writePhantomCohort.ts';
import { writeChanged } from '../../../training/changedScans.ts';

let dir: string;
let labelled: LabelledCase;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-changed-'));
  const out = join(dir, 'cohort');
  await writePhantomCohort({ seed: 41, count: 1, slices: 32, rows: 96, fracture: 'dens-2@C2', out, processes: 1 });
  [labelled] = (await readDataset(out)).cases as [LabelledCase];
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(scan: LabelledCase) {
  const study = await readLabelledStudy(scan, configFrom({}).assemble, { receivedAtMs: 0, maxObjectBytes: 2 ** 24 });
  if (study.kind !== 'series') throw new Error(JSON.stringify(study));
  return Promise.all(
    study.slices.map(async ({ file, frameNumber, header }) => ({
      header,
      hu: (await (await openCtFile(file)).stored(frameNumber)).hu,
    })),
  );
}

it('a changed scan has the changed values in the places of the old ones, in the same order, under names of its own', async () => {
  const before = await read(labelled);
  const changed = await writeChanged(
    labelled,
    {
      name: 'each slice by its number',
      apply: ({ slices }) =>
        slices.map((hu, slice) => hu.map((value, i) => (i === 0 ? 9_000 : i === 1 ? -9_000 : value + slice + 0.4))),
    },
    join(dir, 'changed'),
  );
  expect([changed.id, changed.label]).toEqual([labelled.id, true]);
  const after = await read(changed);
  expect(after).toHaveLength(32);
  for (const [slice, { hu, header }] of after.entries()) {
    const was = before[slice]!;
    // Twelve bits hold -1024 to 3071 HU.
    expect([hu[0], hu[1]]).toEqual([3071, -1024]);
    expect(hu.subarray(2)).toEqual(was.hu.map((value) => Math.min(3071, value + slice)).subarray(2));
    expect(header.imagePositionPatientMm).toEqual(was.header.imagePositionPatientMm);
    expect(header.pixelSpacingMm).toEqual(was.header.pixelSpacingMm);
    expect(header.sliceThicknessMm).toBe(was.header.sliceThicknessMm);
    expect(header.sopInstanceUid).not.toBe(was.header.sopInstanceUid);
    expect(header.studyInstanceUid).not.toBe(was.header.studyInstanceUid);
  }
  expect(await readdir(join(dir, 'changed'))).toHaveLength(1);
});
