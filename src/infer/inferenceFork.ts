import { forkBeside } from '../base/childProcess.ts';
import { createEarlyFork } from '../base/earlyFork.ts';

/** The process of a network; its first message is its `ChildSetup`. */
export const inferenceFork = createEarlyFork((memoryLimitMb: number) =>
  forkBeside(import.meta.url, 'inferenceChild', {
    execArgv: [`--max-old-space-size=${memoryLimitMb}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  }),
);
