import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Findings } from '../../src/case/case.ts';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { createLog } from '../../src/base/log.ts';
import { readLabelledStudy } from '../../src/cohort/readLabelledStudy.ts';
import type { TruthSlice } from '../../src/dataset/dataset.ts';
import { imageTruth } from '../../src/dataset/imageTruth.ts';
import { readDataset } from '../../src/dataset/readDataset.ts';
import { shellBlocks } from '../interop/shellBlocks.ts';
import { writeCspineRelease, type MergedScan } from '../unit/dataset/cspineRelease.ts';
import { writeRsnaRelease, type LabelledFolder } from './rsnaRelease.ts';
import { agentConfig, send, smallStudy, testPacs, until, worklist } from './agentUnderTest.ts';

/** Debian's own Python, where python3-torch lives; another one is tried by naming it (docs/train-your-own.md). */
const PYTHON = process.env['TRAINING_PYTHON'] ?? '/usr/bin/python3';
const ENVIRONMENT = { ...process.env, PYTHON, PYTHONPATH: join(packageRoot, 'training') };
const MINUTE = 60_000;
const MIB = 2 ** 20;
/** How far the plan may be from what a training takes, either way (docs/train-your-own.md). */
const PLAN_FACTOR = 1.5;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-training-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a command in the package's root; with `killAt`, until it prints that. */
function run(
  command: string,
  args: string[],
  killAt?: string,
  where: { cwd: string; env: NodeJS.ProcessEnv } = { cwd: packageRoot, env: ENVIRONMENT },
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // A group of its own: the export's worker processes must go with it.
    const child = spawn(command, args, { ...where, detached: true });
    let output = '';
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (killAt !== undefined && output.includes(killAt)) process.kill(-child.pid!, 'SIGKILL');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, output });
    });
  });
}

it('the parts of the training keep their promises', { timeout: 15 * MINUTE }, async () => {
  const { status, output } = await run(PYTHON, ['-m', 'unittest', 'discover', '-s', 'training/tests']);
  expect(output).toMatch(/Ran \d{2} tests/);
  expect(status, output).toBe(0);
});

it(
  'both stages train from one command, go on after a kill, and end with a package that the agent runs',
  { timeout: 15 * MINUTE },
  async () => {
    const out = join(dir, 'out');
    const train = ['--profile', 'test/pipeline/tinyProfile.json', '--seed', '5', '--out', out, '--threads', '1'];
    const killed = await run('training/train', train, 'stage 1 epoch 2/3 ');
    expect(killed.status, killed.output).toBeNull();
    // It goes on in two processes, which share each batch.
    const finished = await run('training/train', train, undefined, {
      cwd: packageRoot,
      env: { ...ENVIRONMENT, PROCESSES: '2' },
    });
    expect(finished.status, finished.output).toBe(0);
    // No epoch twice, none left out.
    const epochs = (await readFile(join(out, 'stage1.csv'), 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',', 2));
    expect(epochs).toEqual([
      ['1', 'patch'],
      ['2', 'patch'],
      ['3', 'field'],
    ]);
    expect(await readFile(join(out, 'model-card.md'), 'utf8')).toContain('**everything small**');
    expect(await readFile(join(out, 'curves.svg'), 'utf8')).toContain('Stage 2: AUC of cases');

    const { findings } = await judgedBy(join(out, 'package'), 'sliceSpool');
    expect(findings.model.name).toBe('odontoid-tiny');
  },
);

it(
  'a volume network trains from the same command, goes on after a kill, and ends with a package that the agent runs',
  { timeout: 15 * MINUTE },
  async () => {
    const out = join(dir, 'volume');
    const train = ['--profile', 'test/pipeline/tinyVolumeProfile.json', '--seed', '5', '--out', out, '--threads', '1'];
    expect((await run('training/train', train, 'stage 1 epoch 1/3: ')).status).toBeNull();
    const finished = await run('training/train', train);
    expect(finished.status, finished.output).toBe(0);
    const epochs = (await readFile(join(out, 'stage1.csv'), 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',', 2));
    expect(epochs.slice(-3)).toEqual([
      ['1', 'patch'],
      ['2', 'patch'],
      ['3', 'field'],
    ]);
    expect(await readFile(join(out, 'model-card.md'), 'utf8')).toContain(
      'A 3-D ResNet-18 (base width 4) over the whole scan at 4.5 x 4.5 x 4 mm',
    );

    // A threshold of nothing: it has to show key slices, with a map as large as the network gives.
    const manifest = join(out, 'package', 'model.json');
    const card = JSON.parse(await readFile(manifest, 'utf8')) as { operatingPoints: { threshold: number }[] };
    card.operatingPoints[0]!.threshold = 0;
    await writeFile(manifest, JSON.stringify(card));
    const { findings, encodedOnArrival } = await judgedBy(join(out, 'package'), 'volumeSpool');
    expect(findings).toMatchObject({ model: { name: 'odontoid-tiny-volume' }, decision: 'suspected' });
    expect(findings.keySlices[0]).toMatchObject({ camRows: 4, camColumns: 4 });
    expect(findings.keySlices[0]!.cam).toHaveLength(16);
    expect(findings.slices.every(({ score, imageProbability }) => score === imageProbability)).toBe(true);
    expect(encodedOnArrival).toBeGreaterThan(0);
  },
);

it(
  'a network that finds the vertebrae first trains from the same command, goes on after a kill, and ends with a package that the agent runs',
  { timeout: 15 * MINUTE },
  async () => {
    const out = join(dir, 'vertebra');
    const train = [
      '--profile',
      'test/pipeline/tinyVertebraProfile.json',
      '--seed',
      '5',
      '--out',
      out,
      '--threads',
      '1',
    ];
    const planned = await run('training/train', [...train, '--plan']);
    expect(planned.output).toMatch(
      /Plan for 6 train, 5 validation, 3 negatives, 6 test scans with profile tiny-vertebra/,
    );
    expect(planned.output).toMatch(/^localiser +\d+\.\d\d +/m);
    expect((await run('training/train', train, 'localiser epoch 1/2: ')).status).toBeNull();
    const finished = await run('training/train', train);
    expect(finished.status, finished.output).toBe(0);
    expectPlanned(planned.output, {
      cohort: await bytesIn(join(out, 'cohort')),
      'stage 1': await bytesIn(join(out, 'stage1.pt')),
      features: await bytesIn(join(out, 'features')),
    });
    const epochs = async (name: string): Promise<string[]> =>
      (await readFile(join(out, name), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => line.split(',', 1)[0]!);
    expect(await epochs('localiser.csv')).toEqual(['epoch', '1', '2']);
    expect(await epochs('stage1.csv')).toEqual(['epoch', '1', '2']);
    expect(await readFile(join(out, 'model-card.md'), 'utf8')).toContain('crops of 96 mm around the spine');

    // A threshold of nothing: it has to show key slices, with a map as large as the network gives.
    const manifest = join(out, 'package', 'model.json');
    const card = JSON.parse(await readFile(manifest, 'utf8')) as { operatingPoints: { threshold: number }[] };
    card.operatingPoints[0]!.threshold = 0;
    await writeFile(manifest, JSON.stringify(card));
    const { findings, encodedOnArrival } = await judgedBy(join(out, 'package'), 'vertebraSpool');
    expect(findings).toMatchObject({ model: { name: 'odontoid-tiny-vertebra' }, decision: 'suspected' });
    expect(findings.keySlices[0]!.cam).toHaveLength(64);
    // Which ones it names after two epochs says nothing; those that it names are those that the scan shows.
    expect(findings.vertebrae!.map(({ level }) => level)).toEqual(findings.coverage!.levels);
    expect(encodedOnArrival).toBeGreaterThan(0);
  },
);

/** What an agent with this package makes of a small study, once its report has arrived. */
async function judgedBy(modelDir: string, name: string): Promise<{ findings: Findings; encodedOnArrival: number }> {
  const place = join(dir, name);
  await mkdir(place);
  const pacs = await testPacs(place);
  const config = configFrom(agentConfig(place, pacs, { infer: { modelDir } }));
  const agent = await startAgent(config, { clock: systemClock, log: createLog('silent'), environment: process.env });
  try {
    const study = await smallStudy(join(place, 'study'), 601, { patientId: 'P601' });
    await send(
      agent.dicomPort,
      study.files.map(({ path }) => path),
    );
    const row = await until('it is delivered', async () =>
      (await worklist(agent.url)).find(({ state }) => state === 'delivered'),
    );
    const { findings } = await agent.query.caseDetail(row.studyInstanceUid);
    expect(['suspected', 'not-suspected']).toContain(findings!.decision);
    expect(pacs.objects().map(({ modality }) => modality)).toContain('SR');
    const metrics = await (await fetch(`${agent.url}/metrics`)).text();
    return {
      findings: findings!,
      encodedOnArrival: Number(/^odontoid_slices_encoded_on_arrival\S* (\d+)/m.exec(metrics)![1]),
    };
  } finally {
    await agent.close();
    await pacs.close();
  }
}

/** Of a file, or of all files under a folder. */
async function bytesIn(path: string): Promise<number> {
  if (!(await stat(path)).isDirectory()) return (await stat(path)).size;
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(names.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Where the commands of docs/train-your-own.md are typed: with `training` and the miniature release as a reader has them. */
async function readersFolder(): Promise<{ place: string; env: NodeJS.ProcessEnv }> {
  const place = join(dir, 'reader');
  await mkdir(join(place, 'bin'), { recursive: true });
  await symlink(join(packageRoot, 'training'), join(place, 'training'));
  await symlink(join(packageRoot, 'node_modules'), join(place, 'node_modules'));
  const start = `exec ${process.execPath} ${join(packageRoot, 'bin/odontoid.js')} "$@"\n`;
  await writeFile(join(place, 'bin/odontoid'), `#!/bin/sh\n${start}`, { mode: 0o755 });
  await writeFile(join(place, 'bin/npx'), `#!/bin/sh\ntest "$1" != odontoid && exec "$NPX" "$@"\nshift && ${start}`, {
    mode: 0o755,
  });
  await writeFile(join(place, 'site.yaml'), JSON.stringify({ dataDir: join(place, 'data') }));
  const { stdout: npx } = await promisify(execFile)('sh', ['-c', 'command -v npx']);
  return {
    place,
    env: {
      ...ENVIRONMENT,
      NPX: npx.trim(),
      PATH: `${join(place, 'bin')}:${process.env['PATH']!}`,
      ODONTOID_CONFIG: join(place, 'site.yaml'),
    },
  };
}

/** The miniature of the release: studies with the pixels of phantoms; of one broken study nobody has said where, and one row says nothing. */
async function miniatureRelease(root: string): Promise<{ unmarked: string }> {
  const cohort = join(dir, 'cohort');
  const size = '--cohort 14 --prevalence 0.5 --seed 900 --slices 40 --rows 128'.split(' ');
  const made = await run(process.execPath, ['bin/odontoid.js', 'phantom', ...size, '--out', cohort]);
  expect(made.status, made.output).toBe(0);
  const { cases } = await readDataset(cohort);
  const { assemble } = configFrom({});
  const bare = cases.findIndex(({ label }) => label);
  const studies = await Promise.all(
    cases.map(async (labelled, index): Promise<LabelledFolder> => {
      const study = await readLabelledStudy(labelled, assemble, { receivedAtMs: 0, maxObjectBytes: 2 ** 32 });
      if (study.kind !== 'series') throw new Error(JSON.stringify(study));
      const { truth } = await imageTruth(labelled, study.slices);
      return {
        folder: labelled.folder,
        levels: labelled.levels.filter((level) => /^C[1-7]$/.test(level)),
        study: `1.2.840.${index + 1}`,
        boxes: index === bare ? [] : truth.flatMap(({ mask }, slice) => boxOf(mask, study.slices[slice]!)),
        ...(index > 0 ? { plain: true } : {}),
      };
    }),
  );
  await writeRsnaRelease(root, studies);
  await appendFile(join(root, 'train.csv'), `1.2.840.99${','.repeat(8)}\n`);
  return { unmarked: studies[bare]!.study };
}

function boxOf(mask: Uint8Array | null, { file, header }: TruthSlice): NonNullable<LabelledFolder['boxes']>[number][] {
  if (mask === null) return [];
  const marked = [...mask.entries()].filter(([, value]) => value !== 0).map(([pixel]) => pixel);
  const [rows, columns] = [marked.map((i) => Math.floor(i / header.columns!)), marked.map((i) => i % header.columns!)];
  const [x, y] = [Math.min(...columns), Math.min(...rows)];
  const slice = Number(/(\d+)\.dcm$/.exec(file)![1]);
  return [{ slice, x, y, width: Math.max(...columns) - x + 1, height: Math.max(...rows) - y + 1 }];
}

it(
  'the commands of the guide lead from the miniature release to an activated package; what is not known of a scan teaches nothing wrong',
  { timeout: 15 * MINUTE },
  async () => {
    const { place, env } = await readersFolder();
    const { unmarked } = await miniatureRelease(join(place, 'rsna-2022'));
    const commands = (await shellBlocks('docs/train-your-own.md')).flatMap(({ text }) => text.trim().split('\n'));
    const typed = new Set<string>();
    /** Runs the one command of the guide that begins so and, with `ends`, ends so. */
    const type = async (begins: string, replaced: Record<string, string> = {}, ends = ''): Promise<string> => {
      const [command, ...more] = commands.filter(
        (text) => text.startsWith(begins) && text.endsWith(ends) && !typed.has(text),
      );
      expect([command === undefined, more], begins).toEqual([false, []]);
      typed.add(command!);
      let text = command!;
      for (const [from, to] of Object.entries(replaced)) {
        expect(text).toContain(from);
        text = text.replace(from, to);
      }
      const { status, output } = await run('sh', ['-c', text], undefined, { cwd: place, env });
      expect(status, `${text}\n${output}`).toBe(0);
      return output;
    };
    const tiny = { '--profile paper': `--profile ${join(packageRoot, 'test/pipeline/tinyProfile.json')} --threads 1` };
    // Less of everything, and nothing else: these are not the reader's words.
    expect(await type('npx odontoid split', { '70,15,15': '50,25,25' })).toContain('train');

    const planned = await type('training/train', tiny, '--plan');
    expect(planned).toMatch(/Plan for 8 train, 3 validation, 3 test scans with profile tiny on cpu, 1 threads/);
    expect(planned).toMatch(/^disk: .* are free at /m);
    expect(existsSync(join(place, 'trained'))).toBe(false);

    const trained = await type('training/train', tiny);
    expect(trained).toContain('train.csv line 16: patient_overall is ""');
    const taken = {
      cohort: await bytesIn(join(place, 'trained/cohort')),
      'stage 1': await bytesIn(join(place, 'trained/stage1.pt')),
      features: await bytesIn(join(place, 'trained/features')),
      memory: Number(/at most (\d+) MiB of memory/.exec(trained)![1]) * MIB,
    };
    expectPlanned(planned, taken);
    const cases = await Promise.all(
      ['train', 'validation', 'test'].map((part) => casesIn(join(place, 'trained', 'cohort', part))),
    );
    expect(cases.flat()).toHaveLength(14);
    for (const one of cases.flat()) {
      const isBare = one.case === unmarked;
      expect(one.labels).toHaveLength(40);
      expect(one.labels.every((label) => label === null)).toBe(isBare);
      if (!isBare) expect(one.labels.some((label) => label === true)).toBe(one.caseLabel);
      expect(one.maskPixels.some((pixels) => pixels > 0)).toBe(one.caseLabel && !isBare);
    }
    const card = JSON.parse(await readFile(join(place, 'trained/package/model.json'), 'utf8')) as {
      intendedUse: string;
      levels?: string[];
      trainingData: { statement: string; seeds?: unknown };
    };
    const statement = 'RSNA 2022 Cervical Spine Fracture Detection, 70 % of its studies';
    expect(card).toMatchObject({
      name: 'our-network',
      licence: 'not for commercial use',
      trainingData: { statement },
    });
    expect(card.intendedUse).toContain(statement);
    expect([card.levels, card.trainingData.seeds]).toEqual([undefined, undefined]);

    await type('npx odontoid model verify');
    await type('odontoid model install');
    expect(await type('npx odontoid evaluate')).toContain('our-network');
    await type('odontoid model activate our-network --shadow');
    await type('odontoid model activate our-network --reason');
    expect((await run('odontoid', ['model', 'list'], undefined, { cwd: place, env })).output).toMatch(
      /our-network.*active/,
    );
    // The cross-validation has a test of its own; documentedCommands.test.ts runs the others.
    expect(commands.filter((text) => !typed.has(text)).map((text) => text.split(' -')[0])).toEqual([
      'training/crossval',
      'npx odontoid validate DIR',
      'odontoid model compare',
    ]);
  },
);

/** That a plan foretold these bytes to within its factor, either way. */
function expectPlanned(plan: string, taken: Record<string, number>): void {
  for (const [what, bytes] of Object.entries(taken)) {
    const plannedBytes = Number(new RegExp(`^${what}\\W.*?(\\d+\\.\\d) MiB`, 'm').exec(plan)![1]) * MIB;
    expect(plannedBytes / bytes, what).toBeGreaterThan(1 / PLAN_FACTOR);
    expect(plannedBytes / bytes, what).toBeLessThan(PLAN_FACTOR);
  }
}

interface ExportedCase {
  case: string;
  caseLabel: boolean;
  labels: (boolean | null)[];
  maskPixels: number[];
}

async function casesIn(folder: string): Promise<ExportedCase[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as ExportedCase));
}

it(
  'both stages are cross-validated on a dataset by one command of the guide, which goes on after a kill',
  { timeout: 15 * MINUTE },
  async () => {
    const { cases } = await readDataset(join(dir, 'cohort'));
    const release = join(dir, 'cspine');
    const { assemble } = configFrom({});
    const scans = cases.slice(0, 8).map(async (labelled, index): Promise<MergedScan> => {
      const study = await readLabelledStudy(labelled, assemble, { receivedAtMs: 0, maxObjectBytes: 2 ** 32 });
      if (study.kind !== 'series') throw new Error(JSON.stringify(study));
      const marks = (await imageTruth(labelled, study.slices)).truth.map(({ mask }) => mask).reverse();
      const masks = labelled.label ? [{ name: `masks/${index}`, marks, layout: 'capture' as const }] : [];
      return { folder: labelled.folder, name: `scans/${index}`, layout: 'ct', patientId: `P${index}`, masks };
    });
    await writeCspineRelease(release, await Promise.all(scans));
    const out = join(dir, 'foldsOfDataset');
    const [command] = (await shellBlocks('docs/train-your-own.md'))
      .flatMap(({ text }) => text.split('\n'))
      .filter((text) => text.startsWith('training/crossval'));
    const small = '--study test/pipeline/tinyCrossvalBoth.json --jobs 1';
    const text = `${command!.replace('rsna-2022', release).replace('--out crossval', `--out ${out}`)} ${small}`;
    const killed = await run('sh', ['-c', text], 'fold-2, encoder');
    expect(killed.status, killed.output).toBeNull();
    const finished = await run('sh', ['-c', text]);
    expect(finished.status, finished.output).toBe(0);
    expect(finished.output).toContain('fold-1, encoder tiny: 0 of 1 variants to train');
    expect(finished.output).toMatch(/Table 2/);
    expect(finished.output).toMatch(/Table 3/);
    const tested = await Promise.all(
      [1, 2].map(async (fold) => {
        const text = await readFile(join(out, 'results', `paper-4-fold${fold}.json`), 'utf8');
        const { cases: own } = JSON.parse(text) as { cases: { id: string; patient: string; split: string }[] };
        return own.filter(({ split }) => split === 'test').map(({ id }) => id);
      }),
    );
    expect(tested.flat().sort()).toEqual(cases.slice(0, 8).map((_, index) => `scans/${index}`));
    // What a fold needed and the tables do not is gone, and each fold has an encoder of its own.
    expect(await readdir(join(out, 'fold-1', 'tiny'))).not.toContain('features');
    expect(await readFile(join(out, 'fold-2', 'tiny', 'stage1.csv'), 'utf8')).toMatch(/^1,/m);
    expect(await readFile(join(out, 'crossval.html'), 'utf8')).toMatch(/^<!doctype html>/i);
  },
);

it(
  'a cross-validation leaves results for every variant, width and fold, and trains none twice',
  { timeout: 15 * MINUTE },
  async () => {
    const out = join(dir, 'folds');
    const crossval = [
      '--study',
      'test/pipeline/tinyCrossval.json',
      '--seed',
      '5',
      '--out',
      out,
      '--cohort',
      join(dir, 'out', 'cohort'),
      '--jobs',
      '1',
    ];
    const { status, output } = await run('training/crossval', crossval);
    expect(status, output).toBe(0);
    const results = (await readdir(join(out, 'results'))).sort();
    expect(results).toEqual([
      'attention-4-fold1.json',
      'attention-4-fold2.json',
      'paper-4-fold1.json',
      'paper-4-fold2.json',
      'paper-6-fold1.json',
      'paper-6-fold2.json',
    ]);
    interface Fold {
      cases: {
        id: string;
        split: string;
        label: number;
        score: number;
        sliceLabels?: number[];
        sliceScores?: number[];
      }[];
    }
    const folds = await Promise.all(
      results.map(async (name) => JSON.parse(await readFile(join(out, 'results', name), 'utf8')) as Fold),
    );
    const tested = folds.map(({ cases }) => cases.filter(({ split }) => split === 'test').map(({ id }) => id));
    // Every variant is asked about the same scans, and no scan twice.
    expect(tested[0]).toEqual(tested[2]);
    expect(tested[1]!.filter((id) => tested[0]!.includes(id))).toEqual([]);
    for (const { cases } of folds) {
      for (const one of cases) {
        expect(one.score).toBeGreaterThanOrEqual(0);
        expect(one.score).toBeLessThanOrEqual(1);
        expect(one.sliceLabels?.length).toBe(one.sliceScores?.length);
      }
    }
    expect((await run('training/crossval', crossval)).output).toContain('0 folds to train');
    const tables = await run(process.execPath, ['bin/odontoid.js', 'crossval', join(out, 'results')]);
    expect(tables.status, tables.output).toBe(0);
    expect(tables.output).toContain('Attention');
  },
);
