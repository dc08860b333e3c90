// The built receiver against storescp as it is, storescp that syncs as we do, and Orthanc: storescu sends the same files to each in turn.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemClock as clock } from '../src/base/clock.ts';
import { packageRoot } from '../src/base/packageRoot.ts';
import { createLog } from '../src/base/log.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../src/receive/receiveConfig.ts';
import type * as ReceiverProcess from '../src/receive/receiverProcess.ts';
import { freePort, startServer } from '../test/interop/dcmtk.ts';
import { startOrthanc } from '../test/interop/orthanc.ts';
import { childNamed, processFacts, type ProcessFacts } from './processFacts.ts';

const run = promisify(execFile);

/** A Storage SCP that runs. */
interface Scp {
  aeTitle: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

export interface ReceiveRun {
  slicesPerSecond: number;
  cpuMsPerSlice: number;
  peakResidentMib: number;
}

export type Scps = 'odontoid' | 'storescp' | 'storescp, synced' | 'orthanc';

/** `rounds` runs of each, in turn, so that other work on the machine meets all of them. Folders stay until the end: files removed in between cost the next. */
export async function benchReceivers(
  files: readonly string[],
  folder: string,
  rounds: number,
): Promise<Record<Scps, ReceiveRun[]>> {
  const shim = join(folder, 'syncAtClose.so');
  await run('cc', ['-O2', '-shared', '-fPIC', '-o', shim, resolve(packageRoot, 'scripts/syncAtClose.c'), '-ldl']);
  const starts: Record<Scps, (dir: string) => Promise<Scp>> = {
    odontoid: startOdontoid,
    storescp: (dir) => startStorescp(dir, {}),
    'storescp, synced': (dir) => startStorescp(dir, { LD_PRELOAD: shim, SYNC_BELOW: dir }),
    orthanc: async (dir) => {
      const orthanc = await startOrthanc({ dir });
      return { aeTitle: 'ORTHANC', port: orthanc.dicomPort, pid: orthanc.server.pid, stop: () => orthanc.stop() };
    },
  };
  const runs: Record<Scps, ReceiveRun[]> = { odontoid: [], storescp: [], 'storescp, synced': [], orthanc: [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(runs) as Scps[]) {
      const dir = join(folder, `${name.replace(', ', '-')}-${round}`);
      await mkdir(dir);
      const scp = await starts[name](dir);
      try {
        // Once before: what is compiled or made at the first object is not measured.
        await send(scp, files);
        runs[name].push(await measured(scp, files));
      } finally {
        await scp.stop();
      }
    }
  }
  return runs;
}

async function measured(scp: Scp, files: readonly string[]): Promise<ReceiveRun> {
  const before = processFacts(scp.pid);
  const startMs = clock.monotonicMs();
  await send(scp, files);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const after: ProcessFacts = processFacts(scp.pid);
  return {
    slicesPerSecond: files.length / seconds,
    cpuMsPerSlice: (after.cpuMs - before.cpuMs) / files.length,
    peakResidentMib: after.peakResidentMib,
  };
}

async function send({ aeTitle, port }: Scp, files: readonly string[]): Promise<void> {
  await run('storescu', ['-q', '-aet', 'BENCH', '-aec', aeTitle, '127.0.0.1', String(port), ...files], {
    env: { ...process.env, TCP_NODELAY: '1' },
  });
}

/** The receiver as it is built, in its own process: from source it would also hold the TypeScript loader. */
async function startOdontoid(dir: string): Promise<Scp> {
  const built = resolve(packageRoot, 'dist/src/receive/receiverProcess.js');
  const { startReceiver } = (await import(built)) as typeof ReceiverProcess;
  const receiver = await startReceiver({
    config: {
      ...DEFAULT_RECEIVE_CONFIG,
      port: 0,
      sources: [{ aeTitle: 'BENCH', addresses: ['127.0.0.1'] }],
      minFreeBytes: 0,
    },
    spoolDir: dir,
    longestPauseMs: 5_000,
    clock,
    log: createLog('silent'),
    onStored: () => undefined,
    onReleased: () => undefined,
  });
  return {
    aeTitle: 'ODONTOID',
    port: receiver.port,
    pid: childNamed('receiverChild'),
    stop: () => receiver.close(),
  };
}

async function startStorescp(dir: string, env: Record<string, string>): Promise<Scp> {
  const port = await freePort();
  const server = await startServer('storescp', ['+xa', '-od', dir, String(port)], [port], {
    env: { TCP_NODELAY: '1', ...env },
  });
  return { aeTitle: 'STORESCP', port, pid: server.pid, stop: () => server.stop() };
}
