import { spawn } from 'node:child_process';
import {
  appendFile,
  copyFile,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { receiveAndRead } from './receivedAndRead.ts';
import { systemClock } from '../../src/base/clock.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import type { LabelledCase } from '../../src/dataset/dataset.ts';
import { readFileHeader } from '../../src/dicom/header.ts';
import { imageTruth } from '../../src/dataset/imageTruth.ts';
import { readDataset } from '../../src/dataset/readDataset.ts';
import { readLabelledStudy } from '../../src/cohort/readLabelledStudy.ts';
import { analyseFolder } from '../../src/cohort/analyseFolder.ts';
import { evaluateCohort } from '../../src/cohort/evaluateCohort.ts';
import { createLog } from '../../src/base/log.ts';
import { writePhantomCohort } from '../../src/phantom/writePhantomCohort.ts';
import { runTool } from '../interop/dcmtk.ts';
import { writeCspineRelease } from '../unit/dataset/cspineRelease.ts';
import { writeRsnaRelease } from './rsnaRelease.ts';

/** The shape that docs/evaluation.md promises. */
interface Report {
  speed: { slices: number; slicesKept: number };
  evaluation: { threshold: number; cohort: object; table3: { imbalanced: { confusion: object } } };
  cases: {
    id: string;
    label: boolean;
    probability: number | null;
    reason: string | null;
    slices: number;
    localisation: { hotspotInMask: boolean } | null;
  }[];
  problems: { where: string; problem: string; dropped: boolean }[];
}

let root: string;
let cohort: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'odontoid-evaluate-'));
  cohort = path.join(root, 'cohort');
  await writePhantomCohort({
    seed: 77_600_000,
    count: 3,
    slices: 20,
    rows: 256,
    paper: { prevalence: 0.5 },
    out: cohort,
  });
  // What goes wrong in real datasets: a label that is none, a folder that is gone, slices cut short, a file that is no image.
  await appendFile(path.join(cohort, 'cases.csv'), 'study-77600001,perhaps\ngone,,,F,70,0,,,20,1,\n');
  const labels = await readFile(path.join(cohort, 'labels.csv'), 'utf8');
  const cut = labels.split('\n').filter((line) => line.startsWith('study-77600002/'));
  for (const line of cut.slice(0, 2)) await truncate(path.join(cohort, line.split(',')[0]!), 40_000);
  await writeFile(path.join(cohort, 'study-77600000', 'readme.txt'), 'Exported on Tuesday.');
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** `evaluate`, or another command, as a user runs it; killed once its progress says `killAt`. */
function evaluate(
  args: readonly string[],
  killAt?: RegExp,
  command = 'evaluate',
): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', command, ...args], { cwd: packageRoot });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (killAt?.test(stderr)) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

describe('odontoid evaluate', () => {
  it('goes on where it was killed, does again what changed, and lists what is wrong', async () => {
    const cacheDir = path.join(root, 'records');
    const killed = await evaluate([cohort, '--cache', cacheDir, '--json'], /Cases: 1\/3/);
    expect([killed.signal, killed.stdout]).toEqual(['SIGKILL', '']);

    const { cases } = await readDataset(cohort);
    const resumed = await evaluateCohort({
      cases,
      cacheDir,
      config: configFrom({}),
      clock: systemClock,
      log: createLog('silent'),
    });
    expect(resumed.speed.slicesKept).toBeGreaterThan(0);
    expect(resumed.speed.slices + resumed.speed.slicesKept).toBe(60);

    // A file that changed costs its case, another threshold nothing.
    await utimes(path.join(cohort, 'study-77600000', 'readme.txt'), new Date(0), new Date(0));
    const html = path.join(root, 'report.html');
    const again = await evaluate([cohort, '--cache', cacheDir, '--threshold', '0', '--json', '--html', html]);
    expect(again.code).toBe(0);
    const report = JSON.parse(again.stdout) as Report;
    expect(report.speed).toMatchObject({ slices: 20, slicesKept: 40 });
    expect(report.cases).toMatchObject(
      resumed.cases.map(({ id, label, probability, reason, localisation }) => ({
        id,
        label,
        probability,
        reason,
        localisation,
      })),
    );
    expect(report.evaluation.table3.imbalanced.confusion).toEqual({
      truePositives: 1,
      falsePositives: 1,
      trueNegatives: 0,
      falseNegatives: 0,
    });
    expect(report.cases[1]).toMatchObject({ label: true, slices: 20, localisation: { hotspotInMask: true } });
    expect(await readFile(html, 'utf8')).toContain('Table 3. Case level');

    // Nothing is dropped in silence.
    expect(report.problems.map(({ where, dropped }) => `${dropped ? 'dropped' : 'kept'} ${where}`)).toEqual([
      'dropped cases.csv line 5',
      'dropped cases.csv line 6',
      'dropped study-77600000/readme.txt',
      'kept study-77600002',
    ]);
    expect(report.problems[3]!.problem).toMatch(
      /^2 of 20 slices cannot be read \(slices .*\): it counts as not analysed$/,
    );
    expect(again.stderr).toContain('left out: cases.csv line 5: ');
    expect(report.cases[2]).toMatchObject({ id: 'study-77600002', probability: null, reason: 'pixel-data' });
  });

  it('leaves out what shows no body, as serve and analyse do: the score is that of the neck alone', async () => {
    const whole = (await readDataset(cohort)).cases.find(({ label }) => label)!;
    const folder = path.join(root, 'long');
    await cp(whole.folder, folder, { recursive: true });
    await putAirAbove(folder, 4);
    const imageLabels = new Map(
      [...whole.imageLabels].map(([file, label]) => [path.join(folder, path.basename(file)), label]),
    );
    const long: LabelledCase = { ...whole, id: 'long', folder, imageLabels, masks: [] };
    const { cases } = await evaluateCohort({
      cases: [whole, long],
      cacheDir: path.join(root, 'long-records'),
      config: configFrom({}),
      clock: systemClock,
      log: createLog('silent'),
    });
    const [neck, cut] = cases;
    expect(cut!.probability).toBeCloseTo(neck!.probability!, 6);
    expect(cut!.sliceLabels).toEqual(neck!.sliceLabels);
    expect(cut!.sliceScores).toHaveLength(20);
  });

  it('takes one damaged slice among many for a missing one, as serve and analyse do, and names it', async () => {
    const whole = (await readDataset(cohort)).cases.find(({ label }) => label)!;
    const folder = path.join(root, 'damaged');
    await cp(whole.folder, folder, { recursive: true });
    const inFolder = ([file, value]: [string, boolean]) => [path.join(folder, path.basename(file)), value] as const;
    const imageLabels = new Map([...whole.imageLabels].map(inFolder));
    const [damaged] = [...imageLabels].find(([, label]) => !label)!;
    await truncate(damaged, 40_000);
    const run = { config: configFrom({}), clock: systemClock, log: createLog('silent') };
    const { cases, problems } = await evaluateCohort({
      ...run,
      cases: [{ ...whole, id: 'damaged', folder, imageLabels, masks: [] }],
      cacheDir: path.join(root, 'damaged-records'),
    });
    expect(problems).toEqual([
      {
        where: `damaged/${path.basename(damaged)}`,
        problem: expect.stringMatching(/^damaged, and counts as a missing slice: /) as string,
        dropped: true,
      },
    ]);
    const analysed = await analyseFolder({ ...run, folder });
    expect(analysed.unread.map(({ file }) => file)).toEqual([path.basename(damaged)]);
    expect(cases[0]!.probability).toBe(analysed.findings.probability);
    expect(cases[0]!.sliceScores).toEqual(analysed.findings.slices.map(({ score }) => score));
    // The truth is that of the slices that are left.
    const positive = [...imageLabels.values()].filter(Boolean).length;
    expect([cases[0]!.sliceLabels.length, cases[0]!.sliceLabels.filter(Boolean).length]).toEqual([19, positive]);
  });

  it('validate measures the same, shows the errors as pictures and puts the result on record', async () => {
    const [html, dataDir] = [path.join(root, 'validation.html'), path.join(root, 'data')];
    const config = path.join(root, 'odontoid.yaml');
    await writeFile(config, `dataDir: ${dataDir}\n`);
    const args = [cohort, '--cache', path.join(root, 'records'), '--config', config, '--by', 'ada', '--threshold', '1'];
    const run = await evaluate([...args, '--html', html, '--json'], undefined, 'validate');
    expect([run.code, run.stderr]).toEqual([0, expect.stringContaining(`Report: ${html}`)]);
    const said = JSON.parse(run.stdout) as {
      validation: { missed: string[]; falseFlags: string[] };
      record: { id: number; by: string; suffices: boolean; synthetic: boolean; cases: number };
      cases: { probability: number }[];
    };
    expect(said).toMatchObject({
      dataset: { kind: 'folder', name: cohort },
      validation: { missed: ['study-77600001'], falseFlags: [], positives: 1, negatives: 1, patients: 3 },
      record: { by: 'ada', cases: 3, synthetic: true, suffices: false },
    });
    const page = await readFile(html, 'utf8');
    const png = Buffer.from(
      /<img src="data:image\/png;base64,([^"]+)" alt="study-77600001: /.exec(page)![1]!,
      'base64',
    );
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([256, 256]);
    expect(page).toContain('Phantoms say nothing of this site’s patients');

    // The site's own: what has been received and read, without any table. The third cannot be decoded, and has no score.
    const { cases } = await readDataset(cohort);
    const studies = await receiveAndRead(dataDir, cases.slice(0, 2));
    const site = await evaluate(['--site', '--config', config, '--json'], undefined, 'validate');
    const ofSite = JSON.parse(site.stdout) as { cases: { id: string; label: boolean; probability: number }[] };
    for (const [index, study] of studies.entries())
      expect(ofSite.cases.find(({ id }) => id === caseRef(study))).toMatchObject({
        label: cases[index]!.label,
        probability: said.cases[index]!.probability,
      });
    expect(ofSite).toMatchObject({
      dataset: { kind: 'site', name: 'cases of the last 365 days with verdicts' },
      record: { id: said.record.id + 1 },
    });
  });

  it('reads the RSNA 2022 release: its bare headers, JPEG Lossless and signed slices give the scores of the whole headers', async () => {
    const rsna = path.join(root, 'rsna');
    const { cases } = await readDataset(cohort);
    await writeRsnaRelease(
      rsna,
      cases.slice(0, 2).map(({ folder, levels }, index) => ({ folder, levels, study: `1.2.840.${index + 1}` })),
    );
    const release = await readDataset(rsna);
    expect([release.kind, release.problems.map(({ problem }) => problem)]).toEqual([
      'rsna-2022',
      ['is not there: no positive image is known'],
    ]);
    expect(release.cases.map(({ label }) => label)).toEqual(cases.slice(0, 2).map(({ label }) => label));
    const scores = async (of: typeof cases) =>
      (
        await evaluateCohort({
          cases: of,
          cacheDir: path.join(root, 'rsna-records'),
          config: configFrom({}),
          clock: systemClock,
          log: createLog('silent'),
        })
      ).cases.map(({ probability }) => probability);
    const [bare, whole] = [await scores(release.cases), await scores(cases.slice(0, 2))];
    expect(bare[0]).toBeCloseTo(whole[0]!, 4);
    // The second has other air outside the field of view, which the windows clip.
    expect(bare[1]).toBeCloseTo(whole[1]!, 4);

    // What cannot be read is summed up, and the reason is given.
    const images = path.join(rsna, 'train_images', '1.2.840.1');
    for (const name of await readdir(images)) await writeFile(path.join(images, name), 'not there yet');
    const { stderr } = await evaluate([rsna]);
    expect(stderr).toMatch(
      /^left out, 20 times: not read: Not a DICOM file.*\(1\.2\.840\.1\/1\.dcm, .* and 17 more\)$/m,
    );
    expect(stderr.split('\n').filter((line) => line.startsWith('left out'))).toHaveLength(2);
  });

  it('reads Fracture Detection on Cervical Spine CT: a merged scan has the score and the truth of its slices', async () => {
    const release = path.join(root, 'cspine');
    const { cases } = await readDataset(cohort);
    const broken = cases.find(({ label, masks }) => label && masks.length > 0)!;
    const marks = await marksFromTheFeet(broken);
    const name = 'positive/0017';
    await writeCspineRelease(release, [
      {
        folder: broken.folder,
        layout: 'capture',
        patientId: 'A',
        name,
        masks: [{ name: `${name}_mask`, marks, layout: 'capture' }],
      },
    ]);
    const judged = async (folder: string, more: readonly string[] = []) => {
      const { stdout, stderr } = await evaluate([folder, '--json', ...more]);
      expect(stderr).not.toContain('left out: positive');
      return JSON.parse(stdout) as Report;
    };
    const merged = (await judged(release)).cases[0]!;
    const single = (await judged(cohort, ['--cache', path.join(root, 'records')])).cases.find(
      ({ id }) => id === broken.id,
    )!;
    expect(merged.probability).toBeCloseTo(single.probability!, 4);
    expect(merged).toMatchObject({ id: name, label: true, slices: single.slices, localisation: single.localisation });
  });
});

/** Puts slices of air above the uppermost one of a folder. */
async function putAirAbove(folder: string, slices: number): Promise<void> {
  const air = path.join(root, 'air.raw');
  await writeFile(air, new Uint16Array(256 * 256).fill(24));
  const [first, second] = await Promise.all(
    ['IM0001.dcm', 'IM0002.dcm'].map(async (name) => readFileHeader(await readFile(path.join(folder, name)))),
  );
  const [x, y, z] = first!.imagePositionPatientMm!;
  const stepMm = z - second!.imagePositionPatientMm![2];
  for (let index = 1; index <= slices; index++) {
    const file = path.join(folder, `air-${index}.dcm`);
    await copyFile(path.join(folder, 'IM0001.dcm'), file);
    const position = `ImagePositionPatient=${x}\\${y}\\${(z + index * stepMm).toFixed(4)}`;
    const { exitCode, stderr } = await runTool('dcmodify', [
      '-nb',
      '-gin',
      '-m',
      position,
      '-mf',
      `PixelData=${air}`,
      file,
    ]);
    expect(exitCode, stderr).toBe(0);
  }
}

/** The marks of a case as a merged scan has its frames, from the feet up. */
async function marksFromTheFeet(labelled: LabelledCase): Promise<(Uint8Array | null)[]> {
  const { assemble } = configFrom({});
  const study = await readLabelledStudy(labelled, assemble, { receivedAtMs: 0, maxObjectBytes: 2 ** 32 });
  if (study.kind !== 'series') throw new Error(JSON.stringify(study));
  const { truth } = await imageTruth(labelled, study.slices);
  return truth.map(({ mask }) => mask).reverse();
}
