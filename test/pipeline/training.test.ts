import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Findings } from '../../src/case/case.ts';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { createLog } from '../../src/base/log.ts';
import { agentConfig, send, smallStudy, testPacs, until, worklist } from './agentUnderTest.ts';

/** Debian's own Python, where python3-torch lives. */
const ENVIRONMENT = { ...process.env, PYTHON: '/usr/bin/python3', PYTHONPATH: join(packageRoot, 'training') };
const MINUTE = 60_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-training-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a command in the package's root; with `killAt`, until it prints that. */
function run(command: string, args: string[], killAt?: string): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // A group of its own: the export's worker processes must go with it.
    const child = spawn(command, args, { cwd: packageRoot, env: ENVIRONMENT, detached: true });
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

it('the parts of the training keep their promises', { timeout: 5 * MINUTE }, async () => {
  const { status, output } = await run('/usr/bin/python3', ['-m', 'unittest', 'discover', '-s', 'training/tests']);
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
    const finished = await run('training/train', train);
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
  { timeout: 10 * MINUTE },
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

it(
  'a labelled dataset trains through the same stages; what is not known of a scan teaches nothing wrong',
  { timeout: 10 * MINUTE },
  async () => {
    const dataset = join(dir, 'dataset');
    const odontoid = (...args: string[]) => run(process.execPath, ['bin/odontoid.js', ...args]);
    const made = await odontoid(
      'phantom',
      '--cohort',
      '14',
      '--prevalence',
      '0.5',
      '--seed',
      '900',
      '--slices',
      '40',
      '--rows',
      '128',
      '--out',
      dataset,
    );
    expect(made.status, made.output).toBe(0);
    // One broken scan of which nobody has said where, one row that names nothing, and no table of images.
    const rows = (await readFile(join(dataset, 'cases.csv'), 'utf8')).trim().split('\n');
    const columns = rows[0]!.split(',');
    const cell = (row: string, name: string) => row.split(',')[columns.indexOf(name)]!;
    const unmarked = rows.slice(1).find((row) => cell(row, 'caseLabel') === '1')!;
    const bare = unmarked
      .split(',')
      .map((text, index) => (columns[index] === 'mask' ? '' : text))
      .join(',');
    await writeFile(
      join(dataset, 'cases.csv'),
      [
        ...rows.map((row) => (row === unmarked ? bare : row)),
        columns.map((name) => (name === 'folder' ? 'nowhere' : '')).join(','),
      ].join('\n'),
    );
    await rm(join(dataset, 'labels.csv'));
    const split = join(dir, 'split.json');
    expect((await odontoid('split', dataset, '--shares', '50,25,25', '--out', split)).status).toBe(0);

    const out = join(dir, 'ofDataset');
    const train = [
      '--profile',
      'test/pipeline/tinyProfile.json',
      '--seed',
      '5',
      '--out',
      out,
      '--threads',
      '1',
      '--dataset',
      dataset,
      '--split',
      split,
    ];
    expect((await run('training/train', [...train, '--statement', 'Fourteen studies of a test.'])).output).toContain(
      '--licence',
    );
    const { status, output } = await run('training/train', [
      ...train,
      '--statement',
      'Fourteen studies of a test.',
      '--licence',
      'no use outside this test',
      '--name',
      'site-network',
    ]);
    expect(status, output).toBe(0);
    expect(output).toContain('cases.csv line 16: caseLabel is ""');
    const cases = await Promise.all(
      ['train', 'validation', 'test'].map(async (part) => {
        const names = (await readdir(join(out, 'cohort', part))).filter((name) => name.endsWith('.json'));
        return Promise.all(
          names.map(
            async (name) =>
              JSON.parse(await readFile(join(out, 'cohort', part, name), 'utf8')) as {
                case: string;
                caseLabel: boolean;
                labels: (boolean | null)[];
                maskPixels: number[];
              },
          ),
        );
      }),
    );
    expect(cases.flat()).toHaveLength(14);
    for (const one of cases.flat()) {
      const isBare = one.case === cell(unmarked, 'folder');
      expect(one.labels).toHaveLength(40);
      expect(one.labels.every((label) => label === null)).toBe(isBare);
      if (!isBare) expect(one.labels.some((label) => label === true)).toBe(one.caseLabel);
      expect(one.maskPixels.some((pixels) => pixels > 0)).toBe(one.caseLabel && !isBare);
    }
    const card = JSON.parse(await readFile(join(out, 'package', 'model.json'), 'utf8')) as {
      name: string;
      intendedUse: string;
      levels?: string[];
      trainingData: { statement: string; seeds?: unknown };
    };
    expect(card).toMatchObject({
      name: 'site-network',
      licence: 'no use outside this test',
      trainingData: { statement: 'Fourteen studies of a test.' },
    });
    expect(card.intendedUse).toContain('Fourteen studies of a test.');
    expect([card.levels, card.trainingData.seeds]).toEqual([undefined, undefined]);
    const verified = await odontoid('model', 'verify', join(out, 'package'));
    expect(verified.status, verified.output).toBe(0);
  },
);

it(
  'a cross-validation leaves results for every variant, width and fold, and trains none twice',
  { timeout: 10 * MINUTE },
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
