// The built agent with all its processes: peak memory of each, and CPU time that a study costs each.
import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemClock as clock } from '../src/base/clock.ts';
import { packageRoot } from '../src/base/packageRoot.ts';
import { freePort } from '../test/interop/dcmtk.ts';
import { childNamed, processFacts, type ProcessFacts } from './processFacts.ts';

const run = promisify(execFile);
const PROCESSES = {
  agent: null,
  receiver: 'receiverChild',
  inference: 'inferenceChild',
  report: 'reportChild',
} as const;
const WAIT_MS = 300_000;

export type ProcessName = keyof typeof PROCESSES;

/** Sends `files` (one study) to a built agent of its own, waits for the report, and says what that cost. CPU time is that since the agent was ready. */
export async function benchProcesses(
  files: readonly string[],
  folder: string,
): Promise<Record<ProcessName, ProcessFacts>> {
  const [dicomPort, webPort] = [await freePort(), await freePort()];
  const dir = join(folder, 'processes');
  await mkdir(dir);
  const config = join(dir, 'odontoid.json');
  await writeFile(
    config,
    JSON.stringify({
      dataDir: join(dir, 'data'),
      receive: { port: dicomPort, sources: [{ aeTitle: 'BENCH', addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
      web: { port: webPort, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
  );
  const agent = spawn(process.execPath, [resolve(packageRoot, 'bin/odontoid.js'), 'serve', '--config', config], {
    stdio: 'ignore',
  });
  const gone = new Promise<void>((resolve) => agent.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${webPort}`;
  const deadlineMs = clock.monotonicMs() + WAIT_MS;
  const wait = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    while (!(await isSo().catch(() => false))) {
      if (clock.monotonicMs() > deadlineMs || agent.exitCode !== null) throw new Error(`The agent: no ${what}.`);
      await clock.sleep(100);
    }
  };
  try {
    await wait('healthy answer', async () => (await fetch(`${url}/readyz`)).ok);
    const facts = (): Partial<Record<ProcessName, ProcessFacts>> =>
      Object.fromEntries(
        Object.entries(PROCESSES).flatMap(([name, module]) => {
          try {
            return [[name, processFacts(module === null ? agent.pid! : childNamed(module, agent.pid))]];
          } catch {
            // The report child starts with its first report.
            return [];
          }
        }),
      );
    const before = facts();
    await run('storescu', ['-q', '-aet', 'BENCH', '-aec', 'ODONTOID', '127.0.0.1', String(dicomPort), ...files]);
    await wait('report', async () => {
      const { rows } = (await (await fetch(`${url}/api/worklist`)).json()) as { rows: { state: string }[] };
      return ['reported', 'delivered'].includes(rows[0]?.state ?? '');
    });
    const after = facts() as Record<ProcessName, ProcessFacts>;
    return Object.fromEntries(
      Object.entries(after).map(([name, { cpuMs, peakResidentMib }]) => [
        name,
        { peakResidentMib, cpuMs: cpuMs - (before[name as ProcessName]?.cpuMs ?? 0) },
      ]),
    ) as Record<ProcessName, ProcessFacts>;
  } finally {
    agent.kill('SIGTERM');
    await gone;
  }
}
