import type { ChildProcess } from 'node:child_process';
import { askChild, forkBeside } from '../base/childProcess.ts';
import type { FromCohortChild } from './cohortChild.ts';
import { folderOf, type FinishedStudy, type StudyJob } from './cohortStudy.ts';

/**
 * Writes studies in this many processes: a phantom takes seconds of computing, and one process computes on one core.
 * The first failure ends all of them.
 * @throws Error naming the study
 */
export async function writeInProcesses(
  jobs: readonly StudyJob[],
  processes: number,
  onFinished: (job: StudyJob, finished: FinishedStudy) => void,
): Promise<void> {
  const waiting = [...jobs];
  const children = Array.from({ length: Math.min(processes, jobs.length) }, () =>
    forkBeside(import.meta.url, 'cohortChild', { serialization: 'advanced' }),
  );
  try {
    await Promise.all(
      children.map(async (child) => {
        for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
          onFinished(job, await ask(child, job));
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
}

async function ask(child: ChildProcess, job: StudyJob): Promise<FinishedStudy> {
  const message = await askChild<FromCohortChild>(
    child,
    job,
    (how) => new Error(`${folderOf(job)}: its process ended (${how}).`),
  );
  if ('error' in message) throw new Error(`${folderOf(job)}: ${message.error}`);
  return message.finished;
}
