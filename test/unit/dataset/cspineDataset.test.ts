import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { readLabelledStudy } from '../../../src/cohort/readLabelledStudy.ts';
import { imageTruth } from '../../../src/dataset/imageTruth.ts';
import { isMaskName, scanName, statedFinding } from '../../../src/dataset/maskNames.ts';
import { readDataset } from '../../../src/dataset/readDataset.ts';
import { openCtFile } from '../../../src/infer/decodePixels.ts';
import { generatePhantom, type Phantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';
import { writeCspineRelease } from './cspineRelease.ts';

const SIDE = 64;
const SLICES = 40;
const PIXELS = SIDE * SIDE;

let root: string;
let broken: Phantom;
let folder: string;
const reading = { receivedAtMs: 0, maxObjectBytes: 2 ** 32 };

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'cspine-'));
  folder = path.join(root, 'single');
  broken = generatePhantom(
    drawPhantomParams(3, {
      rows: SIDE,
      slices: SLICES,
      tiltDegrees: 0,
      fractures: [{ fracture: 'burst@C5', grade: 'obvious' }],
    }),
  );
  await writePhantomStudy(broken, { dir: folder });
});
afterAll(() => rm(root, { recursive: true }));

/** The phantom's marks as the release stores frames, from the feet up; only where `keeps` says so. */
function marks(keeps: (column: number) => boolean = () => true): Uint8Array[] {
  return Array.from({ length: SLICES }, (_, frame) => {
    const from = (SLICES - 1 - frame) * PIXELS;
    return Uint8Array.from(broken.mask.subarray(from, from + PIXELS), (value, pixel) =>
      value !== 0 && keeps(pixel % SIDE) ? 1 : 0,
    );
  });
}

describe('Fracture Detection on Cervical Spine CT', () => {
  it.each(['enhanced', 'capture', 'ct'] as const)(
    'reads scans merged as %s, and where all readers’ masks agree',
    async (layout) => {
      const release = path.join(root, layout);
      const scan = { folder, layout, patientId: 'anonymous' };
      await writeCspineRelease(release, [
        {
          ...scan,
          name: 'images/0017',
          masks: [
            { name: 'masks/0017_mask', marks: marks(), layout: 'capture' },
            { name: 'masks/annotator 2/0017', marks: marks((column) => column < 32), layout: 'slices', ownStudy: true },
            {
              name: 'masks/annotator 3/0017',
              marks: marks((column) => column > 24),
              layout: 'capture',
              ownStudy: true,
            },
          ],
        },
        { ...scan, name: 'images/0018' },
      ]);
      await writeFile(path.join(release, 'LICENSE.txt'), 'Credentialed access');
      const dataset = await readDataset(release);
      expect(dataset.kind).toBe('cspine-ct');
      expect(dataset.problems.map(({ where, problem }) => `${where}: ${problem}`)).toEqual([
        expect.stringMatching(/^LICENSE\.txt: not read: Not a DICOM file/),
        '.: all 2 scans have the same PatientID: each counts as a patient of its own',
      ]);
      expect(
        dataset.cases.map(({ id, patientKey, label, masks }) => [
          id,
          patientKey,
          label,
          masks.map((own) => own.length),
        ]),
      ).toEqual([
        ['images/0017', 'images/0017', true, [1, SLICES, 1]],
        ['images/0018', 'images/0018', false, []],
      ]);

      const study = await readLabelledStudy(dataset.cases[0]!, DEFAULT_SERIES_RULES, reading);
      if (study.kind !== 'series') throw new Error(JSON.stringify(study));
      expect(study.slices.map(({ frameNumber }) => frameNumber)).toEqual(
        Array.from({ length: SLICES }, (_, index) => SLICES - index),
      );
      const { truth, problems } = await imageTruth(dataset.cases[0]!, study.slices);
      expect(problems).toEqual([]);
      const agreed = marks((column) => column > 24 && column < 32).reverse();
      expect(agreed.some((own) => own.includes(1))).toBe(true);
      for (const [index, own] of agreed.entries())
        expect([truth[index]!.label, [...(truth[index]!.mask ?? own)]]).toEqual([own.includes(1), [...own]]);
      const { hu } = await (await openCtFile(study.slices[7]!.file)).stored(study.slices[7]!.frameNumber);
      expect([...hu]).toEqual([...broken.hu.subarray(7 * PIXELS, 8 * PIXELS)]);
    },
  );

  it('says what fits nothing, and what contradicts itself', async () => {
    const release = path.join(root, 'odd');
    const mask = { marks: marks(), layout: 'capture', ownStudy: true } as const;
    await writeCspineRelease(release, [
      { folder, layout: 'ct', patientId: 'A', name: 'negative/1', masks: [{ ...mask, name: 'seg/1' }] },
      { folder, layout: 'ct', patientId: 'B', name: 'positive/2', masks: [{ ...mask, name: 'seg/99' }] },
    ]);
    const { cases, problems } = await readDataset(release);
    expect(cases.map(({ id, label, unmarkedIsIntact }) => [id, label, unmarkedIsIntact])).toEqual([
      ['negative/1', true, true],
      ['positive/2', true, false],
    ]);
    expect(problems).toEqual([
      {
        where: 'seg/99.dcm',
        problem: 'the mask belongs to no scan: neither its StudyInstanceUID nor its name is that of one',
        dropped: true,
      },
      { where: 'negative/1', problem: 'its folder says that it is intact, and yet it has a mask', dropped: false },
      { where: 'positive/2', problem: 'its folder says that it is broken, and it has no mask', dropped: false },
    ]);
  });

  it('refuses an inverted mask, and images that it cannot place', async () => {
    const release = path.join(root, 'inverted');
    const inverted = marks().map((own) => own.map((value) => 1 - value));
    await writeCspineRelease(release, [
      {
        folder,
        layout: 'capture',
        patientId: 'A',
        name: '5',
        masks: [{ name: '5_seg', marks: inverted, layout: 'capture' }],
      },
    ]);
    const [found] = (await readDataset(release)).cases;
    const study = await readLabelledStudy(found!, DEFAULT_SERIES_RULES, reading);
    if (study.kind !== 'series') throw new Error(JSON.stringify(study));
    const { truth, problems } = await imageTruth(found!, study.slices);
    expect(problems.map(({ problem }) => problem)).toEqual([
      'the mask 5_seg.dcm is not used: frame 1 marks more than half of its pixels: it is no mask, or an inverted one',
    ]);
    expect(truth.every(({ label }) => label === null)).toBe(true);
  });
});

describe('names', () => {
  it('of masks lead to their scan', () => {
    const same = [
      'images/0017.dcm',
      'masks/0017.dcm',
      'Masks/0017_seg.dcm',
      'annotations/reader2/0017.dcm',
      'seg/rater 3/0017-mask.dcm',
    ];
    expect(new Set(same.map(scanName))).toEqual(new Set(['0017']));
    expect(same.map(isMaskName)).toEqual([false, true, true, true, true]);
    expect(scanName('17/ct.dcm')).toBe(scanName('17/ct_mask_2.dcm'));
    expect(scanName('a/1.dcm')).not.toBe(scanName('a/2.dcm'));
  });

  it('of folders state a finding, not those of files', () => {
    expect(['positive/1.dcm', 'negative/1.dcm', 'fracture/normal/1.dcm', 'negative.dcm'].map(statedFinding)).toEqual([
      true,
      false,
      null,
      null,
    ]);
  });
});
