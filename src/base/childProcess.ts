import { fork } from 'node:child_process';
import type { ChildProcess, ForkOptions } from 'node:child_process';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { unblockStandardError } from './logSink.ts';

/**
 * Starts the module `name`, which lies beside the caller (`import.meta.url`), in a child process: from source, else from the
 * build. The child has its parent's working folder, so a relative path means the same in both.
 */
export function forkBeside(
  callerUrl: string,
  name: string,
  {
    args = [],
    execArgv = [],
    ...options
  }: Omit<ForkOptions, 'execArgv'> & { args?: readonly string[]; execArgv?: readonly string[] } = {},
): ChildProcess {
  const fromSource = callerUrl.endsWith('.ts');
  const entry = fileURLToPath(new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, callerUrl));
  const child = fork(entry, args, {
    ...options,
    execArgv: [...(fromSource ? typescriptLoader() : ['--enable-source-maps']), ...execArgv],
  });
  unblockStandardError();
  return child;
}

/** Starts the module `name`, which lies beside the caller (`import.meta.url`), in a thread of this process, which gets `data`. */
export function startThreadBeside(callerUrl: string, name: string, data: unknown): Worker {
  const fromSource = callerUrl.endsWith('.ts');
  return new Worker(new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, callerUrl), {
    workerData: data,
    execArgv: fromSource ? typescriptLoader() : ['--enable-source-maps'],
  });
}

/** Node reads TypeScript itself from 22.18 on, and each process starts sooner without the loader, whose bare name would be resolved from the working folder. */
function typescriptLoader(): string[] {
  if (process.features.typescript !== false) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}

/** Sends one message and resolves with the next answer; only one question at a time. Rejects with `ended` when the process exits first. */
export function askChild<Answer>(
  child: ChildProcess,
  question: object,
  ended: (how: string) => Error,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const over = (end: () => void): void => {
      child.off('message', onMessage).off('exit', onExit);
      end();
    };
    const onMessage = (answer: Answer): void => over(() => resolve(answer));
    const onExit = (code: number | null, signal: string | null): void =>
      over(() => reject(ended(signal ?? String(code))));
    child.on('message', onMessage).on('exit', onExit);
    child.send(question);
  });
}
