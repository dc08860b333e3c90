// Speed and memory as ratios against named alternatives, measured side by side in one run on this machine. `--write` keeps the page docs/benchmarks.md;
// `--only PART` runs one part: receive, processes, preprocess, pipeline, cohort, arrival or worklist. `--json FILE` writes the figures, and compares them with
// those that the file held before.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import ort from 'onnxruntime-node';
import { systemClock as clock } from '../src/base/clock.ts';
import { progressBar } from '../src/cli/output.ts';
import { startAgent } from '../src/compose/startAgent.ts';
import { configFrom } from '../src/config/configFile.ts';
import { packageRoot } from '../src/base/packageRoot.ts';
import { readDataset } from '../src/dataset/readDataset.ts';
import { startLoopbackPacs } from '../src/demo/loopbackPacs.ts';
import { evaluateCohort } from '../src/cohort/evaluateCohort.ts';
import { startInferenceProcess } from '../src/infer/inferenceProcess.ts';
import { loadModelPackage } from '../src/infer/modelCard.ts';
import { createLog } from '../src/base/log.ts';
import { inspectPart10 } from '../src/pacs/part10Source.ts';
import { createStoreSender, distinctPairs } from '../src/pacs/storeSender.ts';
import { generatePhantom, type Phantom } from '../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { writePhantomCohort } from '../src/phantom/writePhantomCohort.ts';
import { writePhantomStudy } from '../src/phantom/writePhantomStudy.ts';
import { modelInput } from '../src/preprocess/modelInput.ts';
import { benchProcesses } from './benchProcesses.ts';
import { benchReceivers, type ReceiveRun, type Scps } from './benchReceive.ts';
import { benchWorklist, WORKLIST_SIZES, type WorklistTimes } from './benchWorklist.ts';

// Read when the first session is opened (src/infer/inferenceFork.ts).
process.env['ORT_DISABLE_TELEMETRY'] = '1';

const run = promisify(execFile);
const ROUNDS = 3;
const SLICES = 80;
/** A CT or a PACS that pushes slices as they are made. */
const PACED_SLICES_PER_SECOND = 20;
const log = createLog('silent');

interface Line {
  what: string;
  ours: string;
  other: string;
  ratio: string;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const line = (what: string, ours: number, other: number, unit: string, ratio: number): Line => ({
  what,
  ours: `${ours.toFixed(1)} ${unit}`,
  other: `${other.toFixed(1)} ${unit}`,
  ratio: ratio.toFixed(2),
});

const PARTS = ['receive', 'processes', 'preprocess', 'pipeline', 'cohort', 'arrival', 'worklist'] as const;
const { values: options } = parseArgs({
  options: { only: { type: 'string' }, write: { type: 'boolean' }, json: { type: 'string' } },
});
const parts = PARTS.filter((part) => options.only === undefined || options.only === part);
if (parts.length === 0) throw new Error(`There is no part "${options.only}"; the parts are ${PARTS.join(', ')}.`);
if (options.write === true && parts.length < PARTS.length)
  throw new Error('The page holds all parts: --write goes without --only.');

const folder = await mkdtemp(join(tmpdir(), 'odontoid-bench-'));
const bar = progressBar('Benchmarks', parts.length);
const lines: Line[] = [];
let receivers: ({ name: Scps } & Omit<ReceiveRun, 'slicesPerSecond'>)[] = [];
let processes: Awaited<ReturnType<typeof benchProcesses>> | null = null;
try {
  const params = drawPhantomParams(31, { slices: SLICES, fractures: [{ fracture: 'burst@C5' }] });
  const phantom = generatePhantom(params);
  const study = await writePhantomStudy(phantom, { dir: join(folder, 'study') });
  const files = study.files.map((file) => file.path);
  for (const [done, part] of parts.entries()) {
    if (part === 'receive') lines.push(...(await benchReceive(files)));
    else if (part === 'processes') processes = await benchProcesses(files, folder);
    else if (part === 'preprocess') lines.push(await benchPreprocess(phantom));
    else if (part === 'pipeline') lines.push(...(await benchPipeline(files)));
    else if (part === 'cohort') lines.push(...(await benchCohort()));
    else if (part === 'worklist') lines.push(...(await benchLists()));
    else {
      const onArrival = await secondsToSr(files, true);
      const afterwards = await secondsToSr(files, false);
      lines.push(
        line(
          `last slice to SR in the PACS, ${SLICES} slices at ${PACED_SLICES_PER_SECOND}/s: encoding on arrival / encoding afterwards`,
          onArrival,
          afterwards,
          's',
          onArrival / afterwards,
        ),
      );
    }
    bar.set(done + 1);
  }
} finally {
  bar.stop();
  await rm(folder, { recursive: true, force: true });
}

const mib = (value: number) => `${value.toFixed(0)} MiB`;
const page = `# Benchmarks

<!-- Written by \`npm run bench -- --write\`. Do not edit. -->

\`npm run bench\`: every ratio is of two things run side by side in the same run; medians of ${ROUNDS} rounds. Absolute figures are of this machine and moment: ${availableParallelism()} cores
(${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}. A ratio of rates above 1 is in our favour, one of times below 1.

| What | Odontoid | Alternative | Ratio |
|---|---|---|---|
${lines.map(({ what, ours, other, ratio }) => `| ${what} | ${ours} | ${other} | **${ratio}** |`).join('\n')}
${
  receivers.length === 0
    ? ''
    : `
| Receiving a slice | CPU ms | Peak memory |
|---|---|---|
${receivers.map(({ name, cpuMsPerSlice, peakResidentMib }) => `| ${name} | ${cpuMsPerSlice.toFixed(2)} | ${mib(peakResidentMib)} |`).join('\n')}
`
}${
  processes === null
    ? ''
    : `
| The built agent, from the first of ${SLICES} slices to the report | CPU ms | Peak memory |
|---|---|---|
${Object.entries(processes)
  .map(([name, { cpuMs, peakResidentMib }]) => `| ${name} | ${cpuMs} | ${mib(peakResidentMib)} |`)
  .join('\n')}
`
}
The receiver syncs each object and its folder to disk before it answers. The child that encodes runs at niceness 10: on a machine that does other work it waits.
`;
process.stdout.write(page);
if (options.json !== undefined) await compareAndWrite(options.json);
if (options.write === true) await writeFile(resolve(packageRoot, 'docs/benchmarks.md'), page);

/** Prints each figure beside what `file` holds of an earlier run, then puts the new ones in; those of parts that did not run stay. */
async function compareAndWrite(file: string): Promise<void> {
  const figures: Record<string, number> = Object.fromEntries([
    ...lines.map(({ what, ratio }) => [`${what}, ratio`, Number(ratio)]),
    ...receivers.map(({ name, cpuMsPerSlice }) => [`receive: ${name}, CPU ms a slice`, cpuMsPerSlice]),
    ...receivers.map(({ name, peakResidentMib }) => [`receive: ${name}, peak MiB`, peakResidentMib]),
    ...Object.entries(processes ?? {}).flatMap(([name, { cpuMs, peakResidentMib }]) => [
      [`${name}, CPU ms`, cpuMs],
      [`${name}, peak MiB`, peakResidentMib],
    ]),
  ]);
  const earlier = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Record<string, number>) : {};
  for (const [what, now] of Object.entries(figures)) {
    const before = earlier[what];
    const change = before === undefined || before === 0 ? 'new' : `${(100 * (now / before - 1)).toFixed(0)} %`;
    process.stdout.write(`${what}: ${before?.toFixed(2) ?? '-'} -> ${now.toFixed(2)} (${change})\n`);
  }
  await writeFile(file, `${JSON.stringify({ ...earlier, ...figures }, null, 2)}\n`);
}

/** Times of the worklist's answers, each size beside the smallest. */
async function benchLists(): Promise<Line[]> {
  const times = new Map<number, WorklistTimes>();
  for (const size of WORKLIST_SIZES) times.set(size, await benchWorklist(size, folder));
  const [least, ...greater] = WORKLIST_SIZES;
  const cases = (size: number) => size.toLocaleString('en-GB');
  return greater.flatMap((size) =>
    Object.entries(times.get(size)!).map(([what, ms]) => {
      const small = times.get(least)![what]!;
      return line(`worklist, ${what}: ${cases(size)} cases / ${cases(least)}`, ms, small, 'ms', ms / small);
    }),
  );
}

/** Rates of the receiver beside those of other Storage SCPs; in `receivers`, the CPU time and memory of each. */
async function benchReceive(files: readonly string[]): Promise<Line[]> {
  const runs = await benchReceivers(files, folder, ROUNDS);
  const medianOf = (name: Scps, figure: keyof ReceiveRun) => median(runs[name].map((one) => one[figure]));
  const names = Object.keys(runs) as Scps[];
  receivers = names.map((name) => ({
    name,
    cpuMsPerSlice: medianOf(name, 'cpuMsPerSlice'),
    peakResidentMib: medianOf(name, 'peakResidentMib'),
  }));
  const ours = medianOf('odontoid', 'slicesPerSecond');
  return names
    .filter((name) => name !== 'odontoid')
    .map((name) => {
      const other = medianOf(name, 'slicesPerSecond');
      return line(`receive: Odontoid / ${name}`, ours, other, 'slices/s', ours / other);
    });
}

async function benchPreprocess(phantom: Phantom): Promise<Line> {
  const { card } = await loadModelPackage(configFrom({}).infer.modelDir);
  if (card.kind !== 'slice-sequence') throw new Error('the shipped package encodes single slices');
  const pixels = phantom.rows * phantom.columns;
  const raw = join(folder, 'slices.raw');
  await writeFile(raw, new Uint8Array(phantom.hu.buffer, phantom.hu.byteOffset, phantom.hu.byteLength));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    for (let index = 0; index < phantom.slices; index++) {
      const startMs = clock.monotonicMs();
      modelInput(
        { hu: phantom.hu.subarray(index * pixels, (index + 1) * pixels), rows: phantom.rows, columns: phantom.columns },
        card.input,
      );
      times.push(clock.monotonicMs() - startMs);
    }
    ours.push(median(times));
    const script = resolve(packageRoot, 'scripts/benchPreprocess.py');
    theirs.push(
      Number(
        (
          await run('/usr/bin/python3', [
            script,
            raw,
            String(phantom.rows),
            String(phantom.columns),
            JSON.stringify(card.input),
          ])
        ).stdout,
      ),
    );
  }
  return line(
    `preprocess a 512 x 512 slice to ${card.input.sizePixels}: Odontoid / NumPy + scikit-image`,
    median(ours),
    median(theirs),
    'ms',
    median(ours) / median(theirs),
  );
}

/** From files on disk to features through the inference child, against nothing but `InferenceSession.run` on the same graph. */
async function benchPipeline(files: readonly string[]): Promise<Line[]> {
  const model = await startInferenceProcess({ ...configFrom({}).infer, clock, log });
  const bareRate = await bareInference();
  const ours: number[] = [];
  const bare: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const startMs = clock.monotonicMs();
      await Promise.all(files.map((file) => model.encodeSlice(file)));
      ours.push((1000 * files.length) / (clock.monotonicMs() - startMs));
      bare.push(await bareRate(files.length));
    }
  } finally {
    await model.close();
  }
  return [
    line(
      'files to features (decode, preprocess, encode, process boundary): Odontoid / bare InferenceSession.run',
      median(ours),
      median(bare),
      'slices/s',
      median(ours) / median(bare),
    ),
  ];
}

/** Nothing but `InferenceSession.run` of the shipped encoder on all cores; returns slices a second. */
async function bareInference(): Promise<(slices: number) => Promise<number>> {
  const { card, graphs } = await loadModelPackage(configFrom({}).infer.modelDir);
  const { sizePixels } = card.input;
  const session = await ort.InferenceSession.create(Buffer.from(graphs['sliceEncoder']!), {
    executionProviders: ['cpu'],
    intraOpNumThreads: availableParallelism(),
    graphOptimizationLevel: 'all',
  });
  const image = new ort.Tensor('float32', new Float32Array(3 * sizePixels * sizePixels).fill(0.3), [
    1,
    3,
    sizePixels,
    sizePixels,
  ]);
  return async (slices) => {
    const startMs = clock.monotonicMs();
    for (let index = 0; index < slices; index++) await session.run({ [session.inputNames[0]!]: image });
    return (1000 * slices) / (clock.monotonicMs() - startMs);
  };
}

/** Writes phantoms on all cores against one, and runs `evaluate` on them against bare inference of as many slices; both include the start of their processes. */
async function benchCohort(): Promise<Line[]> {
  const count = 4;
  const slices = count * SLICES;
  const bareRate = await bareInference();
  const [allCores, oneCore, evaluated, bare] = [[], [], [], []] as [number[], number[], number[], number[]];
  for (let round = 0; round < ROUNDS; round++) {
    const written = async (name: string, processes?: number): Promise<number> => {
      const startMs = clock.monotonicMs();
      await writePhantomCohort({
        seed: 31,
        count,
        slices: SLICES,
        paper: { prevalence: 0.5 },
        out: join(folder, `${name}-${round}`),
        processes,
      });
      return (1000 * slices) / (clock.monotonicMs() - startMs);
    };
    allCores.push(await written('cohort'));
    oneCore.push(await written('alone', 1));
    const { cases } = await readDataset(join(folder, `cohort-${round}`));
    const { speed } = await evaluateCohort({
      cases,
      cacheDir: join(folder, `records-${round}`),
      config: configFrom({}),
      clock,
      log,
    });
    evaluated.push(speed.slices / speed.seconds);
    bare.push(await bareRate(slices));
  }
  return [
    line(
      'phantom cohort, written in as many processes as cores / in one',
      median(allCores),
      median(oneCore),
      'slices/s',
      median(allCores) / median(oneCore),
    ),
    line(
      'evaluate (read, decode, preprocess, encode, classify, truth) / bare InferenceSession.run',
      median(evaluated),
      median(bare),
      'slices/s',
      median(evaluated) / median(bare),
    ),
  ];
}

/** The whole agent and a loopback PACS: seconds from the last slice to the confirmed report, slices arriving at a steady pace. */
async function secondsToSr(files: readonly string[], encodeOnArrival: boolean): Promise<number> {
  const dir = join(folder, `agent-${encodeOnArrival}`);
  const pacs = await startLoopbackPacs({ dir: join(dir, 'pacs'), port: 0, aeTitle: 'BENCHPACS', clock, log });
  const agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: { port: 0, sources: [{ aeTitle: 'BENCH', addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
      // The first study of a sender would wait for further parts.
      assemble: { longestPauseMs: 0 },
      infer: { encodeOnArrival },
      destinations: [{ name: 'pacs', kind: 'dimse', aeTitle: 'BENCHPACS', host: '127.0.0.1', port: pacs.port }],
      delivery: { retryMinMs: 200 },
      web: { port: 0, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock, log, environment: {} },
  );
  try {
    const parts = await Promise.all(files.map((file) => inspectPart10(file)));
    const sender = createStoreSender(
      {
        name: 'agent',
        aeTitle: 'ODONTOID',
        host: '127.0.0.1',
        port: agent.dicomPort,
        callingAeTitle: 'BENCH',
        timeoutMs: 30_000,
      },
      distinctPairs(parts),
      clock,
    );
    const startMs = clock.monotonicMs();
    for (const [index, part] of parts.entries()) {
      const outcome = await sender.send(part);
      if (outcome.kind !== 'stored') throw new Error(`a slice was not stored: ${outcome.reason}`);
      await clock.sleep(Math.max(0, startMs + (1000 * (index + 1)) / PACED_SLICES_PER_SECOND - clock.monotonicMs()));
    }
    await sender.close();
    while (true) {
      const [row] = await agent.query.rows();
      if (row?.secondsToSr != null) return row.secondsToSr;
      if (row?.state === 'failed') throw new Error('the study failed');
      await clock.sleep(50);
    }
  } finally {
    await agent.close();
    await pacs.close();
  }
}
