import { forkBeside } from '../base/childProcess.ts';
import { createEarlyFork } from '../base/earlyFork.ts';

/**
 * Slices are large buffers outside V8's heap, which go when its young generation is collected: a small one is collected often. One arena of malloc instead of
 * one for each thread keeps less that is free. Together 40 MiB of 310 with two threads, at the same CPU time.
 */
const YOUNG_GENERATION = '--max-semi-space-size=1';
/**
 * ONNX Runtime's own binaries (from 1.29 on, Linux too) report sessions, models and errors to their maker, and keep an identifier of the machine in the home
 * folder. This stops all of it, and is read once, when the library is loaded (docs/Privacy.md of ONNX Runtime).
 */
const NO_REPORTING = { ORT_DISABLE_TELEMETRY: '1' };
/** The process of a network; its first message is its `ChildSetup`. */
export const inferenceFork = createEarlyFork((memoryLimitMb: number) =>
  forkBeside(import.meta.url, 'inferenceChild', {
    execArgv: [`--max-old-space-size=${memoryLimitMb}`, YOUNG_GENERATION],
    env: { ...process.env, MALLOC_ARENA_MAX: '1', ...NO_REPORTING },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  }),
);
