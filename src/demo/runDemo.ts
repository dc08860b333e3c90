import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { assertConfig } from '../compose/checkConfig.ts';
import { startAgent, type Agent } from '../compose/startAgent.ts';
import type { Config } from '../config/config.ts';
import { configFrom } from '../config/configFile.ts';
import { TriageError } from '../base/errors.ts';
import { fileErrorWords } from '../base/listFiles.ts';
import { createLog } from '../base/log.ts';
import { sendFiles } from '../pacs/sendFiles.ts';
import { generatePhantom } from '../phantom/generatePhantom.ts';
import { drawPhantomParams, type PhantomOptions } from '../phantom/phantomParams.ts';
import { writeIneligibleStudy, writePhantomStudy, type WrittenStudy } from '../phantom/writePhantomStudy.ts';
import type { WorklistRow } from '../answers/worklistAnswer.ts';
import { startLoopbackPacs } from './loopbackPacs.ts';

type Truth = 'fracture' | 'normal' | 'ineligible';

interface DemoStudy {
  patientId: string;
  patientName: string;
  truth: Truth;
  seed: number;
  fractures: NonNullable<PhantomOptions['fractures']>;
}

/**
 * The studies of the demo. The seeds are far from those of the training set, so the network has not seen these phantoms. It finds this subtle one;
 * docs/model-card.md says how many of them it misses.
 */
const STUDIES: readonly DemoStudy[] = [
  {
    patientId: 'DEMO-1',
    patientName: 'Obvious^Dens',
    truth: 'fracture',
    seed: 9_000_001,
    fractures: [{ fracture: 'dens-2@C2', grade: 'obvious' }],
  },
  { patientId: 'DEMO-2', patientName: 'Ordinary^One', truth: 'normal', seed: 9_000_002, fractures: 'none' },
  {
    patientId: 'DEMO-3',
    patientName: 'Obvious^Burst',
    truth: 'fracture',
    seed: 9_000_003,
    fractures: [{ fracture: 'burst@C5', grade: 'obvious' }],
  },
  { patientId: 'DEMO-4', patientName: 'Scout^Only', truth: 'ineligible', seed: 9_000_004, fractures: 'none' },
  { patientId: 'DEMO-5', patientName: 'Ordinary^Two', truth: 'normal', seed: 9_000_005, fractures: 'none' },
  {
    patientId: 'DEMO-6',
    patientName: 'Subtle^Lamina',
    truth: 'fracture',
    seed: 9_000_008,
    fractures: [{ fracture: 'lamina@C6', grade: 'subtle' }],
  },
];
const SLICES = 64;
const ASSOCIATIONS = 3;
const PACS_AE_TITLE = 'DEMOPACS';
const SENDER_AE_TITLE = 'DEMOCT';
/** Written into the demo's folder: only a folder created by a demo is ever emptied. */
const MARKER = '.odontoid-demo';
const LONGEST_MS = 600_000;

interface DemoRow {
  rank: number;
  why: string;
  patientId: string;
  truth: Truth;
  decision: WorklistRow['decision'];
  reason: string | null;
  probability: number | null;
  state: WorklistRow['state'];
  keySlices: number[];
  secondsToSr: number | null;
}

export interface DemoResult {
  worklist: DemoRow[];
  pacs: { kind: 'sr' | 'sc' | 'ct' | 'other'; sopClassUid: string; sopInstanceUid: string; studyInstanceUid: string }[];
  /** Deviations from the expected result; empty when the demo did what it promises. */
  problems: string[];
  pacsDir: string;
  url: string;
  close(): Promise<void>;
}

interface Options {
  dir: string;
  port: number;
  /** Model package; the shipped one when undefined. */
  modelDir?: string | undefined;
  progress: (label: string, total: number) => { set(done: number, detail?: string): void; stop(): void };
  note: (line: string) => void;
}

/** Runs the demo up to the moment when every study is done; the agent stays up until `close`. */
export async function runDemo({ dir, port, modelDir, progress, note }: Options): Promise<DemoResult> {
  const folder = resolve(dir);
  await freshFolder(folder);
  await assertConfig(demoConfig({ folder, port, modelDir, pacsPort: 1 }), process.env);
  const clock = systemClock;
  const log = createLog('error');
  const pacsDir = join(folder, 'pacs');

  const bar = progress('Synthetic studies', STUDIES.length);
  const written: WrittenStudy[] = [];
  for (const study of STUDIES) {
    const phantom = generatePhantom(drawPhantomParams(study.seed, { fractures: study.fractures, slices: SLICES }));
    const options = {
      dir: join(folder, 'studies', study.patientId),
      patientId: study.patientId,
      patientName: study.patientName,
      accessionNumber: `A${study.seed}`,
    };
    written.push(
      await (study.truth === 'ineligible'
        ? writeIneligibleStudy(phantom, options)
        : writePhantomStudy(phantom, options)),
    );
    bar.set(written.length);
  }
  bar.stop();

  const pacs = await startLoopbackPacs({ dir: pacsDir, port: 0, aeTitle: PACS_AE_TITLE, clock, log });
  let agent: Agent | null = null;
  const close = async () => {
    await agent?.close();
    await pacs.close();
  };
  try {
    agent = await startAgent(demoConfig({ folder, port, modelDir, pacsPort: pacs.port }), {
      clock,
      log,
      environment: process.env,
    });
    note(`Agent up: DICOM port ${agent.dicomPort}, page ${agent.url}`);

    // The first slices of all studies, then the second ones: as if several scanners were sending at once.
    const longest = Math.max(...written.map((study) => study.files.length));
    const interleaved = Array.from({ length: longest }, (_, index) =>
      written.flatMap((study) => study.files[index]?.path ?? []),
    ).flat();
    const sending = progress('Sending by DIMSE', interleaved.length);
    const outcomes = await sendFiles(
      {
        name: 'agent',
        aeTitle: 'ODONTOID',
        host: '127.0.0.1',
        port: agent.dicomPort,
        callingAeTitle: SENDER_AE_TITLE,
        timeoutMs: 60_000,
      },
      interleaved,
      { clock },
      {
        associations: ASSOCIATIONS,
        onProgress: (_last, done) => {
          sending.set(done);
        },
      },
    );
    sending.stop();
    const unsent = outcomes.filter((outcome) => outcome.outcome.kind !== 'stored');
    if (unsent.length > 0) throw new TriageError('pacs-refused', `${unsent.length} slices did not reach the agent.`);

    const rows = await untilDone(agent, written, progress);
    const held = pacs.objects();
    const worklist = rows.map((row) => rowOf(row));
    return {
      worklist,
      pacs: held.map(({ sopClassUid, sopInstanceUid, studyInstanceUid }) => ({
        kind: kindOf(sopClassUid),
        sopClassUid,
        sopInstanceUid,
        studyInstanceUid,
      })),
      problems: problemsOf(worklist, rows, new Set(held.map((object) => object.sopInstanceUid))),
      pacsDir,
      url: agent.url,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function demoConfig(options: {
  folder: string;
  port: number;
  modelDir?: string | undefined;
  pacsPort: number;
}): Config {
  return configFrom({
    dataDir: join(options.folder, 'agent'),
    receive: { port: 0, sources: [{ aeTitle: SENDER_AE_TITLE, addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
    // Each study comes on one association: its release is believed.
    assemble: { quietMs: 3_000, longestPauseMs: 0 },
    destinations: [
      { name: 'demo-pacs', kind: 'dimse', aeTitle: PACS_AE_TITLE, host: '127.0.0.1', port: options.pacsPort },
    ],
    delivery: { retryMinMs: 500 },
    web: { port: options.port, signIn: 'off' },
    infer: options.modelDir === undefined ? {} : { modelDir: resolve(options.modelDir) },
  });
}

async function freshFolder(folder: string): Promise<void> {
  if (existsSync(folder)) {
    if (!existsSync(join(folder, MARKER)))
      throw new TriageError(
        'command-invalid',
        `${folder} exists and is not of a demo. Name another folder with --dir.`,
      );
    await rm(folder, { recursive: true });
  }
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, MARKER), 'Made by odontoid demo; emptied at each run.\n');
  } catch (error) {
    throw new TriageError(
      'command-invalid',
      `${folder} cannot be made: ${fileErrorWords(error)}. Name another with --dir.`,
    );
  }
}

/** Waits until every study has its report in the PACS, or until nothing more can come. */
async function untilDone(
  agent: Agent,
  written: readonly WrittenStudy[],
  progress: Options['progress'],
): Promise<WorklistRow[]> {
  const bar = progress('Reports in the PACS', written.length);
  const deadlineMs = systemClock.monotonicMs() + LONGEST_MS;
  try {
    while (true) {
      let changed = (): void => undefined;
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      const unsubscribe = agent.store.onChange(changed);
      const rows = await agent.query.rows();
      const done = rows.filter(
        (row) =>
          row.deliveries.length > 0 &&
          row.deliveries.every(({ status }) => ['confirmed', 'refused', 'closed'].includes(status)),
      );
      bar.set(
        done.length,
        rows
          .map((row) => row.state)
          .sort()
          .join(' '),
      );
      if (done.length === written.length) return rows;
      if (systemClock.monotonicMs() > deadlineMs)
        throw new TriageError(
          'inference-timeout',
          `Only ${done.length} of ${written.length} studies were done within ${LONGEST_MS / 60_000} minutes.`,
        );
      const giveUp = new AbortController();
      await Promise.race([change, systemClock.sleep(1_000, giveUp.signal)]);
      giveUp.abort();
      unsubscribe();
    }
  } finally {
    bar.stop();
  }
}

function rowOf(row: WorklistRow): DemoRow {
  return {
    rank: row.rank ?? 0,
    why: row.why,
    patientId: row.patientId,
    truth: truthOf(row.patientId),
    decision: row.decision,
    reason: row.reason,
    probability: row.probability,
    state: row.state,
    keySlices: row.keySlices.map((slice) => slice.sliceIndex + 1),
    secondsToSr: row.secondsToSr,
  };
}

function truthOf(patientId: string): Truth {
  return STUDIES.find((study) => study.patientId === patientId)!.truth;
}

function kindOf(sopClassUid: string): DemoResult['pacs'][number]['kind'] {
  if (sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.88.')) return 'sr';
  if (sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.7')) return 'sc';
  return sopClassUid === '1.2.840.10008.5.1.4.1.1.2' ? 'ct' : 'other';
}

/** Compares what the demo promises with what happened. */
function problemsOf(worklist: readonly DemoRow[], rows: readonly WorklistRow[], held: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  if (worklist.length !== STUDIES.length)
    problems.push(`${worklist.length} of ${STUDIES.length} studies are on the worklist.`);
  const ranks = (truth: Truth) => worklist.filter((row) => row.truth === truth).map((row) => row.rank);
  if (Math.max(...ranks('fracture')) > Math.min(...ranks('normal')))
    problems.push('A study without a fracture ranks above one with a fracture.');
  for (const row of worklist.filter((row) => row.truth === 'ineligible')) {
    if (row.decision !== 'not-analysed' || !row.reason)
      problems.push(`${row.patientId} has no eligible series and does not say so.`);
  }
  for (const row of rows) {
    const missing = row.deliveries.filter((delivery) => !held.has(delivery.sopInstanceUid));
    if (!row.deliveries.some((delivery) => delivery.kind === 'sr')) problems.push(`${row.patientId} has no report.`);
    if (missing.length > 0) problems.push(`${missing.length} result objects of ${row.patientId} are not in the PACS.`);
  }
  return problems;
}
