import { fork } from 'node:child_process';
import cliProgress from 'cli-progress';
import { askChild } from '../src/base/childProcess.ts';

/** Environment variable that marks a forked worker. */
const WORKER = 'ODONTOID_EXPORT_WORKER';

export const isWorker = process.env[WORKER] !== undefined;

/** Runs `jobs` in processes of the script at `script`, each of which calls {@link serveJobs}; the progress bar begins with `done` finished jobs. */
export async function spreadJobs(
  script: string,
  jobs: readonly object[],
  { workers, done, what }: { workers: number; done: number; what: string },
): Promise<void> {
  const waiting = [...jobs];
  const bar = new cliProgress.SingleBar({
    format: `${what} {bar} {value}/{total} {eta_formatted}`,
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
  bar.start(done + waiting.length, done);
  await Promise.all(
    Array.from({ length: Math.min(workers, waiting.length) }, async () => {
      const worker = fork(script, [], { execArgv: process.execArgv, env: { ...process.env, [WORKER]: '1' } });
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        const current = job;
        const failure = await askChild<string | null>(
          worker,
          current,
          (how) => new Error(`a worker ended (${how}) at ${JSON.stringify(current).slice(0, 200)}`),
        );
        if (failure !== null) throw new Error(failure);
        bar.increment();
      }
      worker.disconnect();
    }),
  );
  bar.stop();
}

/** In a worker: runs each job that arrives. */
export function serveJobs(work: (job: never) => Promise<void>): void {
  const answer = (failure: string | null): void => {
    // A parent that has ended is no error: finished files stay.
    if (process.connected) process.send!(failure);
  };
  process.on('message', (job) => {
    work(job as never).then(
      () => {
        answer(null);
      },
      (error: unknown) => {
        answer(error instanceof Error ? error.message : String(error));
      },
    );
  });
}

/** At most `most` jobs of those given, evenly spread over them after the broken ones have been put first, so that both kinds are among them. */
export function sampled<Job>(
  jobs: readonly Job[],
  isBroken: (job: Job) => boolean,
  most: number | null,
): readonly Job[] {
  if (most === null || jobs.length <= most) return jobs;
  const sorted = [...jobs.filter(isBroken), ...jobs.filter((job) => !isBroken(job))];
  return Array.from({ length: most }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, most - 1))]!);
}

/** The value of `--sample N`: export only so many cases of each split, to see what they cost. */
export function sampleSize(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}
