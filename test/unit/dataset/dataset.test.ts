import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceHeader } from '../../../src/case/case.ts';
import { imageTruth } from '../../../src/dataset/imageTruth.ts';
import { readDataset } from '../../../src/dataset/readDataset.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { writePart10, type Dataset as DicomDataset } from '../../../src/dicom/part10.ts';
import { generatePhantom, type Phantom } from '../../../src/phantom/generatePhantom.ts';
import { maskNifti } from '../../../src/phantom/maskNifti.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'dataset-'));
});
afterEach(() => rm(root, { recursive: true }));
const write = (name: string, ...lines: string[]) => writeFile(path.join(root, name), `${lines.join('\n')}\n`);
const problemsOf = (found: { problems: readonly { where: string; problem: string; dropped: boolean }[] }) =>
  found.problems.map(({ where, problem, dropped }) => `${dropped ? 'dropped' : 'kept'} ${where}: ${problem}`);

describe('a folder of one’s own', () => {
  it('is read from two tables, and what is wrong with them is listed', async () => {
    for (const folder of ['a', 'b', 'c', 'd']) await mkdir(path.join(root, folder));
    await write(
      'cases.csv',
      'folder,caseLabel,patientId,sex,ageYears,fractures,grades',
      'a,1,P1,F,71,dens-2@C2 lamina@C6,subtle middle',
      'b,0,P1,M,200,,',
      'c,maybe,P3,M,50,,',
      'd,0,P4,X,40,burst@C5,',
      'a,1,P1,F,71,,',
      'gone,0,P6,F,30,,',
      '../outside,0,P7,F,30,,',
    );
    await write(
      'labels.csv',
      'file,imageLabel',
      'a/1.dcm,1',
      'a/2.dcm,0',
      'a/3.dcm,x',
      'b/1.dcm,1',
      'a/2.dcm,1',
      'z/1.dcm,0',
    );
    const found = await readDataset(root);
    expect(
      found.cases.map(({ id, patientKey, label, sex, ageYears, levels, types, grade }) => ({
        id,
        patientKey,
        label,
        sex,
        ageYears,
        levels,
        types,
        grade,
      })),
    ).toEqual([
      {
        id: 'a',
        patientKey: 'P1',
        label: true,
        sex: 'F',
        ageYears: 71,
        levels: ['C2', 'C6'],
        types: ['dens-2', 'lamina'],
        grade: 'middle',
      },
      { id: 'b', patientKey: 'P1', label: false, sex: 'M', ageYears: null, levels: [], types: [], grade: null },
      {
        id: 'd',
        patientKey: 'P4',
        label: false,
        sex: null,
        ageYears: 40,
        levels: ['C5'],
        types: ['burst'],
        grade: null,
      },
    ]);
    expect([...found.cases[0]!.imageLabels]).toEqual([
      [path.join(root, 'a/1.dcm'), true],
      [path.join(root, 'a/2.dcm'), false],
    ]);
    expect(problemsOf(found)).toEqual([
      'dropped labels.csv line 4: imageLabel is "x"; 0 or 1 is wanted',
      'dropped labels.csv line 6: a/2.dcm is there twice',
      'kept cases.csv line 3: ageYears is "200"; a number of years is wanted: counted as unknown',
      'kept cases.csv line 3: caseLabel is 0, and labels.csv has a positive image of it',
      'dropped cases.csv line 4: caseLabel is "maybe"; 0 or 1 is wanted',
      'kept cases.csv line 5: sex is "X"; F, M or nothing is wanted: counted as unknown',
      'kept cases.csv line 5: the case is negative, and yet its fractures are named',
      'dropped cases.csv line 6: a is there twice',
      'dropped cases.csv line 7: the folder gone does not exist',
      'dropped cases.csv line 8: folder "../outside" is not in the dataset',
      'dropped labels.csv: images of z, which cases.csv does not name',
    ]);
  });

  it('is refused with what to do when nothing of it can be used', async () => {
    await expect(readDataset(root)).rejects.toThrow(/no cases\.csv .* and no train\.csv/);
    await write('cases.csv', 'folder,label', 'a,1');
    await expect(readDataset(root)).rejects.toThrow(/has no column caseLabel; it has folder, label/);
    await write('cases.csv', 'folder,caseLabel', 'a,1');
    await expect(readDataset(root)).rejects.toThrow(
      /no case that can be used.\n {2}cases\.csv line 2: the folder a does not exist/,
    );
    await write('cases.csv', 'folder,caseLabel', 'a', 'a,1,2');
    await expect(readDataset(root)).rejects.toThrow(
      /line 2: the row has 1 cells, and 2 are wanted\n.*line 3: the row has 3 cells/,
    );
    await write('cases.csv', 'folder,caseLabel', '"a,1');
    await expect(readDataset(root)).rejects.toThrow(/is no CSV table/);
  });
});

describe('the RSNA 2022 release', () => {
  const header = (rows: number, columns: number) => ({ rows, columns }) as InstanceHeader;

  it('gives case labels from patient_overall and image labels from boxes, and says what is wrong', async () => {
    const studies = ['1.2.1', '1.2.2', '1.2.3', '1.2.4'];
    for (const study of studies) {
      await mkdir(path.join(root, 'train_images', study), { recursive: true });
      for (const slice of [1, 2, 3]) await write(`train_images/${study}/${slice}.dcm`, '');
    }
    await write(
      'train.csv',
      'StudyInstanceUID,patient_overall,C1,C2,C3,C4,C5,C6,C7',
      '1.2.1,1,1,0,0,0,0,1,0',
      '1.2.2,0,0,0,0,0,0,0,0',
      '1.2.3,1,0,0,0,0,0,0,0',
      '1.2.4,,0,0,0,0,0,0,0',
      '1.2.5,0,0,0,0,0,0,0,0',
    );
    await write(
      'train_bounding_boxes.csv',
      'StudyInstanceUID,x,y,width,height,slice_number',
      '1.2.1,3.2,1.0,2.5,2.0,2',
      '1.2.1,0,0,-1,2,2',
      '1.2.1,0,0,1,2,9',
      '1.2.9,0,0,1,2,1',
    );
    const found = await readDataset(root);
    expect(found.kind).toBe('rsna-2022');
    expect(found.cases.map(({ id, label, levels }) => [id, label, levels])).toEqual([
      ['1.2.1', true, ['C1', 'C6']],
      ['1.2.2', false, []],
      ['1.2.3', true, []],
    ]);
    expect(problemsOf(found)).toEqual([
      'dropped train_bounding_boxes.csv line 3: the box has no size or is not made of numbers',
      'dropped train_bounding_boxes.csv line 4: there is no 9.dcm in 1.2.1',
      'kept train.csv line 4: patient_overall is 1, and no level is broken',
      'dropped train.csv line 5: patient_overall is ""; 0 or 1 is wanted',
      'dropped train.csv line 6: train_images/1.2.5 does not exist',
      'dropped train_bounding_boxes.csv: boxes of 1.2.9, which train.csv does not name',
    ]);
    const labels = async (index: number) => {
      const one = found.cases[index]!;
      return (
        await imageTruth(
          one,
          [1, 2, 3].map((slice) => ({ header: header(4, 8), file: path.join(one.folder, `${slice}.dcm`) })),
        )
      ).truth;
    };
    const boxed = await labels(0);
    expect(boxed.map(({ label }) => label)).toEqual([false, true, false]);
    // x from 3.2 to 5.7, y from 1 to 3.
    expect([...boxed[1]!.mask!]).toEqual([
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect((await labels(1)).map(({ label }) => label)).toEqual([false, false, false]);
    // A positive study without boxes: no image of it has a known truth.
    expect((await labels(2)).map(({ label }) => label)).toEqual([null, null, null]);
  });
});

describe('masks', () => {
  const phantom = generatePhantom(
    drawPhantomParams(3, {
      rows: 64,
      slices: 10,
      patientPosition: 'FFP',
      fractures: [{ fracture: 'burst@C5', grade: 'obvious' }],
    }),
  );
  const pixels = 64 * 64;
  const ofSlice = (source: Phantom, i: number) => source.mask.subarray(i * pixels, (i + 1) * pixels);

  async function study(): Promise<{ header: InstanceHeader; file: string }[]> {
    const { files } = await writePhantomStudy(phantom, { dir: path.join(root, 'a') });
    // The other way round: order must not matter.
    return Promise.all(
      [...files].reverse().map(async ({ path: file }) => ({ file, header: readHeader(await readFile(file)) })),
    );
  }
  async function caseWith(mask: string) {
    await write('cases.csv', 'folder,caseLabel,mask', `a,1,${mask}`);
    return (await readDataset(root)).cases[0]!;
  }
  /** A segmentation of some slices, one frame each. */
  function seg(
    slices: readonly { header: InstanceHeader }[],
    frames: readonly { slice: number; mask: ArrayLike<number> }[],
    byPosition = false,
  ): Uint8Array {
    const bits = new Uint8Array(Math.ceil((frames.length * pixels) / 16) * 2);
    for (const [f, { mask }] of frames.entries())
      for (let i = 0; i < pixels; i++) if (mask[i] !== 0) bits[(f * pixels + i) >> 3]! |= 1 << ((f * pixels + i) & 7);
    const { header } = slices[0]!;
    const dataset: DicomDataset = {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.66.4',
      SOPInstanceUID: '1.2.3.4',
      StudyInstanceUID: header.studyInstanceUid,
      SeriesInstanceUID: '1.2.3',
      Modality: 'SEG',
      PatientID: header.patientId,
      PatientName: 'x',
      Rows: 64,
      Columns: 64,
      BitsAllocated: 1,
      BitsStored: 1,
      HighBit: 0,
      PixelRepresentation: 0,
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      NumberOfFrames: String(frames.length),
      SegmentationType: 'BINARY',
      PerFrameFunctionalGroupsSequence: frames.map(({ slice }) => ({
        ...(byPosition
          ? {}
          : {
              DerivationImageSequence: [
                {
                  SourceImageSequence: [
                    {
                      ReferencedSOPClassUID: header.sopClassUid,
                      ReferencedSOPInstanceUID: slices[slice]!.header.sopInstanceUid,
                    },
                  ],
                },
              ],
            }),
        PlanePositionSequence: [{ ImagePositionPatient: slices[slice]!.header.imagePositionPatientMm!.map(String) }],
      })),
      PixelData: bits.buffer,
    };
    return writePart10(dataset);
  }

  it('of NIfTI lie on the slices that they lie on in the patient', async () => {
    const slices = await study();
    await writeFile(path.join(root, 'm.nii.gz'), maskNifti(phantom));
    const { truth, problems } = await imageTruth(await caseWith('m.nii.gz'), slices);
    expect(problems).toEqual([]);
    for (const [i, { label, mask }] of truth.entries()) {
      const expected = ofSlice(phantom, 9 - i);
      expect(label).toBe(expected.some((value) => value !== 0));
      expect(
        Buffer.compare(
          mask ?? new Uint8Array(pixels),
          Uint8Array.from(expected, (value) => (value === 0 ? 0 : 1)),
        ),
      ).toBe(0);
    }
    expect(truth.some(({ label }) => label === true) && truth.some(({ label }) => label === false)).toBe(true);
  });

  it.each([false, true])(
    'of a DICOM SEG belong to the images that they name, or to those in their place (%s)',
    async (byPosition) => {
      const slices = await study();
      const broken = slices.flatMap((_, slice) =>
        ofSlice(phantom, 9 - slice).some((value) => value !== 0) ? [{ slice, mask: ofSlice(phantom, 9 - slice) }] : [],
      );
      await writeFile(path.join(root, 'm.dcm'), seg(slices, broken, byPosition));
      await writeFile(path.join(root, 'm.nii.gz'), maskNifti(phantom));
      const fromSeg = await imageTruth(await caseWith('m.dcm'), slices);
      expect(fromSeg.problems).toEqual([]);
      expect(fromSeg.truth).toEqual((await imageTruth(await caseWith('m.nii.gz'), slices)).truth);
    },
  );

  it('of several readers count where all agree', async () => {
    const slices = await study();
    const leftOf = (slice: number) => ofSlice(phantom, 9 - slice).map((value, i) => (i % 64 < 32 ? value : 0));
    const marks = slices.map((_, slice) => leftOf(slice).filter((value) => value !== 0).length);
    const middle = marks.indexOf(Math.max(...marks));
    expect(marks[middle]).toBeGreaterThan(0);
    const whole = ofSlice(phantom, 9 - middle);
    const left = leftOf(middle);
    await writeFile(path.join(root, 'one.nii.gz'), maskNifti(phantom));
    await writeFile(path.join(root, 'two.dcm'), seg(slices, [{ slice: middle, mask: left }]));
    await writeFile(
      path.join(root, 'three.dcm'),
      seg(slices, [{ slice: middle, mask: whole.map((value) => (value === 0 ? 1 : 0)) }]),
    );
    const agreed = await imageTruth(await caseWith('one.nii.gz; two.dcm'), slices);
    expect(agreed.truth.map(({ label }) => label)).toEqual(slices.map((_, i) => i === middle));
    expect(agreed.truth[middle]!.mask!.reduce((sum, value) => sum + value, 0)).toBe(
      left.filter((value) => value !== 0).length,
    );
    const apart = await imageTruth(await caseWith('one.nii.gz; three.dcm'), slices);
    expect(apart.truth.every(({ label }) => label === false)).toBe(true);
    expect(apart.problems.map(({ problem }) => problem)).toEqual(['the readers’ masks have no pixel in common']);
  });

  it('that cannot be read leave the images without a truth, and say so', async () => {
    const slices = await study();
    await writeFile(path.join(root, 'm.dcm'), 'no mask');
    const { truth, problems } = await imageTruth(await caseWith('m.dcm'), slices);
    expect(problems.map(({ problem }) => problem)).toEqual([
      'the mask m.dcm is not used: it is neither NIfTI nor DICOM',
    ]);
    expect(truth.every(({ label }) => label === null)).toBe(true);
    const found = await caseWith('gone.nii');
    expect((await imageTruth(found, slices)).truth.every(({ label }) => label === null)).toBe(true);
  });
});
