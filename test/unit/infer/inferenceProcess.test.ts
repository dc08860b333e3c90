import { execFileSync, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { startInferenceProcess } from '../../../src/infer/inferenceProcess.ts';
import type { InferenceProcessOptions } from '../../../src/infer/inferenceProcess.ts';
import type { Log, LogFields } from '../../../src/base/log.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';
import { ctFile, dcmtk, patternHu } from './ctFile.ts';

// Every test starts processes that load a network.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const [ROWS, COLUMNS] = [64, 72];
const SAMPLES = Uint16Array.from(patternHu(ROWS, COLUMNS), (hu) => hu + 1024);

let dir: string;
const place = (name: string): string => path.join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'odontoid-infer-'));
  await writeFile(place('good.dcm'), ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES }));
  await writeFile(place('cut.dcm'), ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES.subarray(1) }));
  // Reading a pipe that nobody writes to never ends: a slice that hangs.
  execFileSync('mkfifo', [place('hang.dcm'), place('hang2.dcm')]);
});
afterAll(async () => rm(dir, { recursive: true }));

const logged: { message: string; fields: LogFields }[] = [];
const log: Log = {
  debug: () => undefined,
  info: (message, fields = {}) => void logged.push({ message, fields }),
  warn: (message, fields = {}) => void logged.push({ message, fields }),
  error: (message, fields = {}) => void logged.push({ message, fields }),
  child: () => log,
};
const pids = (): number[] => logged.flatMap(({ fields }) => (typeof fields['pid'] === 'number' ? [fields['pid']] : []));
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const until = async (condition: () => boolean): Promise<void> => {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await systemClock.sleep(20);
  }
};

const started: TriageModel[] = [];
async function start(change: Partial<InferenceProcessOptions> = {}): Promise<TriageModel> {
  logged.length = 0;
  const model = await startInferenceProcess({
    modelDir: 'models/compact',
    provider: 'cpu',
    threads: 1,
    memoryLimitMb: 4096,
    timeoutMs: 30_000,
    niceness: 5,
    clock: systemClock,
    log,
    ...change,
  });
  started.push(model);
  return model;
}
afterEach(async () => {
  await Promise.all(started.splice(0).map(async (model) => model.close()));
});

describe('the inference process', () => {
  let shared: TriageModel;
  beforeAll(async () => {
    shared = await start();
    started.length = 0;
  });
  afterAll(async () => shared.close());

  it('encodes and classifies, niced, and names its model and provider', async () => {
    const model = shared;
    const card = JSON.parse(await readFile('models/compact/model.json', 'utf8')) as {
      name: string;
      input: { featureLength: number };
    };
    expect([model.identity.name, model.provider]).toEqual([card.name, 'cpu']);
    expect(os.getPriority(pids()[0])).toBe(5);
    const slices = await Promise.all([1, 2, 3].map(async () => model.encodeSlice(place('good.dcm'))));
    expect(slices[0]!.feature).toBeInstanceOf(Float32Array);
    expect(slices[0]!.feature.length).toBe(card.input.featureLength);
    expect(slices[2]).toEqual(slices[0]);
    expect(slices[0]!.crop).toMatchObject({ rows: ROWS, columns: COLUMNS, transpose: false });
    const score = await model.classify(slices, [4, 2, 0]);
    expect(score.sliceScores).toHaveLength(3);
    expect(await model.peakRssBytes()).toBeGreaterThan(50e6);
  });

  it('reports to nobody: ONNX Runtime leaves neither its identifier of this machine nor a file of events', async () => {
    const home = await mkdtemp(place('home-'));
    // Its reports do not go out where CI stands in the environment.
    const environment = { HOME: home, TMPDIR: home, XDG_CACHE_HOME: undefined, CI: undefined };
    for (const [name, value] of Object.entries({ ...environment, ORT_DISABLE_TELEMETRY: undefined }))
      vi.stubEnv(name, value);
    const model = await start();
    vi.unstubAllEnvs();
    await model.encodeSlice(place('good.dcm'));
    await model.close();
    expect(await readdir(home, { recursive: true })).toEqual([]);
  });

  it('decodes a slice in the orientation of its stored matrix, for pictures', async () => {
    await writeFile(
      place('transposed.dcm'),
      ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES, change: { 0x00200037: ['DS', '0\\1\\0\\1\\0\\0'] } }),
    );
    expect(await shared.decodeSlice(place('transposed.dcm'))).toEqual({
      hu: Float32Array.from(SAMPLES, (sample) => sample - 1024),
      rows: ROWS,
      columns: COLUMNS,
    });
    // Of two files, each in its place: the values differ from one column to the next.
    await writeFile(
      place('other.dcm'),
      ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES.map((word) => word + 7) }),
    );
    const column = Array.from({ length: ROWS }, (_, row) => SAMPLES[row * COLUMNS + 5]! - 1024);
    const images = ['transposed.dcm', 'other.dcm'].map((name) => ({ path: place(name) }));
    expect((await shared.decodeLines(images, { column: 5 })).map((line) => Array.from(line))).toEqual([
      column,
      column.map((hu) => hu + 7),
    ]);
    expect((await shared.encodeSlice(place('transposed.dcm'))).crop).toMatchObject({
      transpose: true,
      rows: ROWS,
      columns: COLUMNS,
    });
  });

  it('encodes a compressed slice as it encodes the plain one', async () => {
    const model = shared;
    await writeFile(
      place('jpeg.dcm'),
      dcmtk('dcmcjpeg', ['+e1'], ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES })),
    );
    expect(await model.encodeSlice(place('jpeg.dcm'))).toEqual(await model.encodeSlice(place('good.dcm')));
  });

  it('passes the errors of a slice on and goes on with the next', async () => {
    const model = shared;
    const outcomes = await Promise.allSettled(
      ['cut.dcm', 'good.dcm', 'nowhere.dcm', 'good.dcm'].map(async (name) => model.encodeSlice(place(name))),
    );
    expect(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code: string }).code)),
    ).toEqual(['pixel-data-undecodable', 'ok', 'inference-failed', 'ok']);
    expect(pids()).toHaveLength(1);
  });

  it('is not brought down by mutated slices', async () => {
    const model = shared;
    const whole = dcmtk('dcmcjpls', ['+el'], ctFile({ rows: ROWS, columns: COLUMNS, samples: SAMPLES }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 128, max: whole.length - 1 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 8,
        }),
        async (mutations) => {
          const mutated = Uint8Array.from(whole);
          for (const [position, value] of mutations) mutated[position] = value;
          await writeFile(place('mutated.dcm'), mutated);
          await model.encodeSlice(place('mutated.dcm')).catch((error: unknown) => {
            expect((error as { code: string }).code).toMatch(
              /^(dicom-unreadable|pixel-data-undecodable|transfer-syntax-unsupported|geometry-unusable)$/,
            );
          });
        },
      ),
    );
    await expect(model.encodeSlice(place('good.dcm'))).resolves.toBeDefined();
    expect(pids()).toHaveLength(1);
  });

  // One model, whose child is replaced three times: each start takes two seconds of a core.
  describe('whose child is lost', () => {
    let model: TriageModel;
    beforeAll(async () => {
      model = await start({ timeoutMs: 5_000 });
      started.length = 0;
    });
    afterAll(async () => model.close());

    it('while idle: the next question is answered', async () => {
      const lost = pids();
      process.kill(lost.at(-1)!, 'SIGKILL');
      await until(() => pids().length > lost.length);
      expect(isAlive(lost.at(-1)!)).toBe(false);
      await expect(model.encodeSlice(place('good.dcm'))).resolves.toBeDefined();
    });

    it('at work: only that question fails, the others are asked again of a new child', async () => {
      const lost = pids();
      const hanging = model.encodeSlice(place('hang.dcm'));
      const others = [1, 2, 3].map(async () => model.encodeSlice(place('good.dcm')));
      process.kill(lost.at(-1)!, 'SIGKILL');
      await expect(hanging).rejects.toMatchObject({
        code: 'inference-died',
        message: expect.stringContaining('SIGKILL') as string,
      });
      expect(await Promise.all(others)).toHaveLength(3);
      expect(new Set(pids()).size).toBe(lost.length + 1);
      expect((await model.classify([await model.encodeSlice(place('good.dcm'))], [0])).sliceScores).toHaveLength(1);
    });

    it('a slice that hangs is ended, and hurts no other', async () => {
      const [hanging, ...others] = await Promise.allSettled(
        ['hang.dcm', 'good.dcm', 'good.dcm'].map(async (name) => model.encodeSlice(place(name))),
      );
      expect(hanging).toMatchObject({ status: 'rejected', reason: { code: 'inference-timeout' } });
      expect(others.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled']);
    });

    it('closed: ends the child, and fails what waits', async () => {
      const hanging = expect(model.encodeSlice(place('hang.dcm'))).rejects.toMatchObject({ code: 'inference-died' });
      await model.close();
      await hanging;
      expect(isAlive(pids().at(-1)!)).toBe(false);
      await expect(model.encodeSlice(place('good.dcm'))).rejects.toMatchObject({ code: 'inference-died' });
    });
  });

  it('two threads compute the bits of one, and a slice that hangs in one leaves the other to work; of two, only the one that the child dies of fails', async () => {
    const model = await start({ threads: 2, timeoutMs: 10_000 });
    expect(logged.find(({ message }) => message === 'Inference is ready.')?.fields['threads']).toBe(2);
    const [hanging, ...others] = await Promise.allSettled(
      ['hang.dcm', 'good.dcm', 'good.dcm', 'good.dcm'].map(async (name) => model.encodeSlice(place(name))),
    );
    expect(hanging).toMatchObject({ status: 'rejected', reason: { code: 'inference-timeout' } });
    const alone = await shared.encodeSlice(place('good.dcm'));
    expect(others).toEqual(others.map(() => ({ status: 'fulfilled', value: alone })));

    // Killed with two slices at work: each is asked again, alone.
    let failed: string[] = [];
    const asked = ['hang.dcm', 'hang2.dcm', 'good.dcm'].map(async (name) =>
      model.encodeSlice(place(name)).catch((error: unknown) => {
        failed = [...failed, `${name} ${(error as { code: string }).code}`];
      }),
    );
    for (const expected of [[], ['hang.dcm inference-died'], ['hang.dcm inference-died', 'hang2.dcm inference-died']]) {
      const lost = pids();
      process.kill(lost.at(-1)!, 'SIGKILL');
      await until(() => pids().length > lost.length);
      expect(failed).toEqual(expected);
    }
    await expect(asked[2]).resolves.toMatchObject({ crop: { rows: ROWS } });
  });

  it('a child that grows too large is replaced', async () => {
    await expect(start({ memoryLimitMb: 40 })).rejects.toMatchObject({
      code: 'inference-died',
      message: expect.stringContaining('memoryLimitMb') as string,
    });
  });

  it('does not start with a model that was tampered with, and leaves no process behind', async () => {
    const copy = place('model');
    await cp('models/compact', copy, { recursive: true });
    const graph = await readFile(path.join(copy, 'caseClassifier.onnx'));
    graph[1000]! ^= 1;
    await writeFile(path.join(copy, 'caseClassifier.onnx'), graph);
    await expect(start({ modelDir: copy })).rejects.toMatchObject({ code: 'model-tampered' });
  });

  it('does not go on with another model when the package changes behind it', async () => {
    const copy = place('changing');
    await cp('models/compact', copy, { recursive: true });
    const model = await start({ modelDir: copy });
    const card = JSON.parse(await readFile(path.join(copy, 'model.json'), 'utf8')) as object;
    await writeFile(path.join(copy, 'model.json'), JSON.stringify({ ...card, version: '77' }));
    process.kill(pids()[0]!, 'SIGKILL');
    await until(() => logged.some(({ fields }) => fields['code'] === 'inference-died'));
    await expect(model.encodeSlice(place('good.dcm'))).rejects.toMatchObject({
      code: 'inference-died',
      message: expect.stringContaining('has changed') as string,
    });
    await cp('models/compact', copy, { recursive: true });
    await expect(
      model.encodeSlice(place('good.dcm')).catch(async () => model.encodeSlice(place('good.dcm'))),
    ).resolves.toBeDefined();
  });

  it('measures the texture where the package has limits for it, and names a scan that is beyond them', async () => {
    const copy = place('texture');
    await cp('models/compact', copy, { recursive: true });
    const card = JSON.parse(await readFile(path.join(copy, 'model.json'), 'utf8')) as { domain: object };
    const texture = { changeInPlane: { low: 0.34, high: 0.63 }, changeAlong: { low: 0.65, high: 1.33 } };
    await writeFile(path.join(copy, 'model.json'), JSON.stringify({ ...card, domain: { ...card.domain, texture } }));
    const model = await start({ modelDir: copy });
    const slice = await model.encodeSlice(place('good.dcm'));
    expect(slice.texture!.detail).toMatch(/^[-+ ]{576}$/);
    const outside = async (changeInPlane: number): Promise<string | null> => {
      const changed = { ...slice, anatomy: null, texture: { changeInPlane, detail: '' } };
      return (await model.classify([changed, changed, changed], [4, 2, 0])).outsideDomain;
    };
    expect(await outside(0.2)).toBe(
      'blurred or smoothed: fine detail changes at 0.20 of places, 0.34 to 0.63 in tested scans',
    );
    // Not for its texture.
    expect(await outside(0.5)).not.toContain('fine detail');
  });

  it('ends when its parent is killed', async () => {
    const script = place('parent.mts');
    const source = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../../src/${name}`, import.meta.url)));
    await writeFile(
      script,
      `
      import { startInferenceProcess } from ${source('infer/inferenceProcess.ts')};
      import { systemClock } from ${source('base/clock.ts')};
      const say = (message, fields) => { if (fields?.pid) console.log(fields.pid); };
      const log = { debug: say, info: say, warn: say, error: say, child: () => log };
      await startInferenceProcess({ modelDir: ${JSON.stringify(path.resolve('models/compact'))}, provider: 'cpu', threads: 1, memoryLimitMb: 4096, timeoutMs: 30000, niceness: 5, clock: systemClock, log });
    `,
    );
    const parent = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const child = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    expect(isAlive(child)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(child));
  });
});
