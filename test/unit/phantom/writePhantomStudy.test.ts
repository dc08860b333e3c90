import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import dicomParser from 'dicom-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latestMs } from '../../../src/dicom/dateTimes.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writePhantomCohort } from '../../../src/phantom/writePhantomCohort.ts';
import { writeIneligibleStudy, writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';

const run = promisify(execFile);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'phantom-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** What dciodvfy says is wrong. */
async function faults(file: string): Promise<string[]> {
  const { stderr } = await run('dciodvfy', ['-new', file]).catch((error: unknown) => error as { stderr: string });
  return stderr.split('\n').filter((line) => /^(Error|Abort)/.test(line));
}

describe('writePhantomStudy', () => {
  const phantom = generatePhantom(drawPhantomParams(14, { slices: 5, rows: 64, fractures: 'none' }));

  it('writes CT images without a fault, whose pixels are the phantom', async () => {
    const study = await writePhantomStudy(phantom, {
      dir: path.join(dir, 'a'),
      patientName: 'Müller^Zoë',
      accessionNumber: 'X1',
    });
    expect(study.files).toHaveLength(5);
    expect(await faults(study.files[2]!.path)).toEqual([]);
    const bytes = await readFile(study.files[2]!.path);
    const data = dicomParser.parseDicom(bytes);
    const element = data.elements['x7fe00010']!;
    const stored = new Uint16Array(
      bytes.buffer.slice(bytes.byteOffset + element.dataOffset, bytes.byteOffset + element.dataOffset + element.length),
    );
    expect([...stored].map((value) => value - 1024)).toEqual([...phantom.hu.subarray(2 * 4096, 3 * 4096)]);
    expect(data.string('x00200032')!.split('\\').map(Number)).toEqual(phantom.imagePositionPatientMm(2));
    expect(data.string('x00080050')).toBe('X1');
    expect(new Set(study.files.map((file) => file.sopInstanceUid)).size).toBe(5);
  });

  it('gives the same files again, other UIDs for another uidSeed, and other dates alone for another day', async () => {
    const studyDateTime = '20261129081500';
    const [a, b, c, d] = [
      await writePhantomStudy(phantom, { dir: path.join(dir, 'b'), studyDateTime }),
      await writePhantomStudy(phantom, { dir: path.join(dir, 'c'), studyDateTime }),
      await writePhantomStudy(phantom, { dir: path.join(dir, 'd'), studyDateTime, uidSeed: 'other' }),
      await writePhantomStudy(phantom, { dir: path.join(dir, 'd2'), studyDateTime: '20261130081500' }),
    ];
    expect(await readFile(a.files[0]!.path)).toEqual(await readFile(b.files[0]!.path));
    expect(c.studyInstanceUid).not.toBe(a.studyInstanceUid);
    expect(d.studyInstanceUid).toBe(a.studyInstanceUid);
    expect(await readFile(d.files[0]!.path)).not.toEqual(await readFile(a.files[0]!.path));
  });

  it('is dated now where no date is asked for, because an old scan is kept as a prior', async () => {
    const from = Math.floor(Date.now() / 1000) * 1000;
    const study = await writePhantomStudy(phantom, { dir: path.join(dir, 'today') });
    const { acquisitionDateTime, studyDate } = readHeader(await readFile(study.files[0]!.path));
    expect(acquisitionDateTime.slice(0, 8)).toBe(studyDate);
    const atMs = latestMs(acquisitionDateTime)!;
    expect(atMs).toBeGreaterThanOrEqual(from);
    expect(atMs).toBeLessThanOrEqual(Date.now());
  });

  it('writes a study without an axial series, without a fault', async () => {
    const study = await writeIneligibleStudy(phantom, { dir: path.join(dir, 'e') });
    for (const file of [study.files[0]!, study.files[1]!]) expect(await faults(file.path)).toEqual([]);
    const types = await Promise.all(
      study.files.map(async (file) => dicomParser.parseDicom(await readFile(file.path)).string('x00080008')),
    );
    expect(types[0]).toContain('LOCALIZER');
    expect(types.slice(1).every((type) => type!.includes('MPR'))).toBe(true);
  });
});

describe('writePhantomCohort', () => {
  it('writes a folder a study and the truth beside them', async () => {
    const out = path.join(dir, 'cohort');
    const steps: number[] = [];
    const studies = await writePhantomCohort({
      seed: 40,
      count: 2,
      slices: 40,
      rows: 64,
      fracture: 'hangman@C2',
      grade: 'obvious',
      out,
      onProgress: (done) => {
        steps.push(done);
      },
    });
    expect(steps).toEqual([1, 2]);
    const lines = (await readFile(path.join(out, 'labels.csv'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(lines[0]).toEqual([
      'file',
      'studyInstanceUid',
      'sopInstanceUid',
      'sliceIndex',
      'imageLabel',
      'caseLabel',
      'levels',
      'types',
      'grade',
      'maskPixels',
    ]);
    expect(lines).toHaveLength(81);
    for (const line of lines.slice(1)) {
      expect(line[5]).toBe('1');
      expect(line[4] === '1').toBe(Number(line[9]) > 0);
      expect(line[7]).toBe(line[4] === '1' ? 'hangman@C2' : '');
      if (line[4] === '1') expect(line[6]).toContain('C2');
    }
    expect(lines.some((line) => line[4] === '1')).toBe(true);
    for (const study of studies) expect(await readdir(path.join(out, study.folder))).toHaveLength(40);
    expect((await readdir(out)).filter((name) => !name.startsWith('.')).sort()).toEqual(
      ['cases.csv', 'labels.csv', ...studies.map((study) => study.folder)].sort(),
    );
  });

  it('refuses an unknown fracture before it writes anything', async () => {
    const out = path.join(dir, 'refused');
    await expect(writePhantomCohort({ seed: 1, count: 1, fracture: 'dens-9@C2', out })).rejects.toThrow(
      /nearest is "dens-/,
    );
    await expect(readdir(out)).rejects.toThrow();
  });
});
