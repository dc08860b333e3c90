import { forkBeside } from '../base/childProcess.ts';
import { createEarlyFork } from '../base/earlyFork.ts';

/** Each sync waits for the disk in one of libuv's threads. */
const IO_THREADS = '16';
/** The process that reads untrusted bytes does not inherit the agent's environment, which holds secrets. */
const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot'];

/** The process of the receiver; its first message is the `start` order. */
export const receiverFork = createEarlyFork(() => {
  const environment = Object.fromEntries(
    PASSED_ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return forkBeside(import.meta.url, 'receiverChild', {
    cwd: process.cwd(),
    execArgv: ['--max-old-space-size=256'],
    env: { ...environment, UV_THREADPOOL_SIZE: IO_THREADS },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
});
