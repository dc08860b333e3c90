import { forkBeside } from '../base/childProcess.ts';
import { createEarlyFork } from '../base/earlyFork.ts';

/** Each sync waits for the disk in one of libuv's threads. */
const IO_THREADS = '16';
/**
 * Buffers from the network count against the limit at which V8 collects all garbage; with its own first limit that is after every 16 slices of 512 x 512.
 * A small young generation frees these buffers early.
 */
const MEMORY_FLAGS = ['--max-old-space-size=256', '--initial-old-space-size=48', '--max-semi-space-size=1'];
/** The process that reads untrusted bytes does not inherit the agent's environment, which holds secrets. */
const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot'];

/** The process of the receiver; its first message is the `start` order. */
export const receiverFork = createEarlyFork(() => {
  const environment = Object.fromEntries(
    PASSED_ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return forkBeside(import.meta.url, 'receiverChild', {
    cwd: process.cwd(),
    execArgv: MEMORY_FLAGS,
    env: { ...environment, UV_THREADPOOL_SIZE: IO_THREADS, MALLOC_ARENA_MAX: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
});
