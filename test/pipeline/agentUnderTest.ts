import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { WorklistRow } from '../../src/answers/worklistAnswer.ts';
import { systemClock } from '../../src/base/clock.ts';
import { startLoopbackPacs, type LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { createLog } from '../../src/base/log.ts';
import { sendFiles, type SendFilesOptions } from '../../src/pacs/sendFiles.ts';
import { generatePhantom } from '../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../src/phantom/phantomParams.ts';
import { writePhantomStudy, type StudyOptions, type WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';

export const SENDER = 'TESTCT';
export const SMALL = { rows: 256, columns: 256, sliceSpacingMm: 3 } as const;

/** A small synthetic study on disk, quick to make and to analyse. */
export async function smallStudy(
  dir: string,
  seed: number,
  options: Partial<StudyOptions> = {},
  fracture?: string,
): Promise<WrittenStudy> {
  const fractures = fracture === undefined ? ('none' as const) : [{ fracture, grade: 'obvious' as const }];
  return writePhantomStudy(generatePhantom(drawPhantomParams(seed, { ...SMALL, fractures })), { dir, ...options });
}

export interface AgentProcess {
  pid: number;
  dicomPort: number;
  url: string;
  /** Resolves with the signal or the exit code when the process is gone. */
  gone: Promise<string | number | null>;
  stop(): Promise<string | number | null>;
}

export function agentConfig(dir: string, pacs: { port: number; aeTitle: string }, over: Record<string, unknown> = {}) {
  return {
    dataDir: join(dir, 'agent'),
    receive: { port: 0, sources: [{ aeTitle: SENDER, addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
    assemble: { quietMs: 1_500 },
    destinations: [{ name: 'pacs', kind: 'dimse' as const, aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }],
    delivery: { retryMinMs: 200 },
    web: { port: 0, signIn: 'off' as const },
    housekeeping: { lowWaterFreeBytes: 0 },
    ...over,
  };
}

/** Starts the agent in a process of its own, and its children, by the Node at `execPath`; at `killAt` it gets `signal`, once. Rejects when it is killed before it is ready. */
export async function startAgentProcess(
  config: ReturnType<typeof agentConfig>,
  killAt?: string,
  execPath = process.execPath,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<AgentProcess> {
  const entry = new URL('./agentProcess.mjs', import.meta.url).pathname;
  const child = spawn(execPath, [entry, JSON.stringify({ config, killAt, execPath, signal })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<string | number | null>((resolve) =>
    child.once('exit', (code, signal) => {
      resolve(signal ?? code);
    }),
  );
  process.once('exit', () => child.kill('SIGKILL'));
  const ready = await new Promise<{ dicomPort: number; url: string } | null>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      resolve(JSON.parse(line) as { dicomPort: number; url: string });
    });
    child.once('exit', () => {
      resolve(null);
    });
  });
  if (ready === null) throw new Error(`The agent ended before it was ready: ${String(await gone)}`);
  return {
    pid: child.pid!,
    ...ready,
    gone,
    stop: () => {
      child.kill('SIGTERM');
      return gone;
    },
  };
}

export async function testPacs(dir: string): Promise<LoopbackPacs> {
  return startLoopbackPacs({
    dir: join(dir, 'pacs'),
    port: 0,
    aeTitle: 'TESTPACS',
    clock: systemClock,
    log: createLog('silent'),
  });
}

/** Sends files as `callingAeTitle`; returns the outcome kinds, one a file. */
export async function send(
  dicomPort: number,
  paths: readonly string[],
  associations = 1,
  callingAeTitle = SENDER,
  onProgress?: SendFilesOptions['onProgress'],
): Promise<string[]> {
  const peer = {
    name: 'agent',
    aeTitle: 'ODONTOID',
    host: '127.0.0.1',
    port: dicomPort,
    callingAeTitle,
    timeoutMs: 30_000,
  };
  const outcomes = await sendFiles(
    peer,
    paths,
    { clock: systemClock },
    { associations, ...(onProgress === undefined ? {} : { onProgress }) },
  );
  return outcomes.map(({ outcome }) => outcome.kind);
}

/** Looks every 50 ms until `look` answers something; fails with the last view after `timeoutMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  timeoutMs = 150_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  while (true) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface ApiRow {
  studyInstanceUid: string;
  state: string;
  decision: string | null;
  reason: string | null;
  probability: number | null;
  revision: number;
  rank: number | null;
  patientId: string;
  patientName: string;
  keySlices: WorklistRow['keySlices'];
  deliveries: { kind: string; status: string; sopInstanceUid: string; revision: number }[];
}

export async function worklist(url: string): Promise<ApiRow[]> {
  const response = await fetch(`${url}/api/worklist`);
  return ((await response.json()) as { rows: ApiRow[] }).rows;
}
