import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromCohortChild } from './cohortChild.ts';
import { folderOf, type FinishedStudy, type StudyJob } from './cohortStudy.ts';

/**
 * Writes studies in as many processes: a phantom is seconds of computing, and one process computes on one core.
 * The first failure ends all of them.
 * @throws Error naming the study
 */
export async function writeInProcesses(jobs: readonly StudyJob[], processes: number, onFinished: (job: StudyJob, finished: FinishedStudy) => void): Promise<void> {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = fileURLToPath(new URL(`./cohortChild.${fromSource ? 'ts' : 'js'}`, import.meta.url));
  const waiting = [...jobs];
  const children = Array.from({ length: Math.min(processes, jobs.length) }, () =>
    // The loader of TypeScript is found from where the entry lies.
    fork(entry, { execArgv: fromSource ? ['--import', 'tsx'] : ['--enable-source-maps'], cwd: path.dirname(entry), serialization: 'advanced' }),
  );
  try {
    await Promise.all(
      children.map(async (child) => {
        for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) onFinished(job, await ask(child, job));
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
}

function ask(child: ReturnType<typeof fork>, job: StudyJob): Promise<FinishedStudy> {
  return new Promise((resolve, reject) => {
    const over = (end: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      end();
    };
    const onMessage = (message: FromCohortChild): void => over(() => 'finished' in message ? resolve(message.finished) : reject(new Error(`${folderOf(job)}: ${message.error}`))); // prettier-ignore
    const onExit = (code: number | null, signal: string | null): void => over(() => reject(new Error(`${folderOf(job)}: its process ended (${signal ?? String(code)}).`)));
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send(job);
  });
}
