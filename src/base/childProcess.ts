import { fork } from 'node:child_process';
import type { ChildProcess, ForkOptions } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts the module `name`, which lies beside the caller (`import.meta.url`), in a process of its own: from source by the loader of TypeScript, else from the build. */
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
  // The loader is found from where the entry lies.
  return fork(entry, args, {
    cwd: path.dirname(entry),
    ...options,
    execArgv: [...(fromSource ? ['--import', 'tsx'] : ['--enable-source-maps']), ...execArgv],
  });
}

/** Sends one message and resolves with the next that comes back; only one question at a time. Rejects with `ended` when the process is gone before. */
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
