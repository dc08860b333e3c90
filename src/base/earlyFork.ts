import type { ChildProcess } from 'node:child_process';

/** A child process that can be started before the code that needs it has been loaded. */
export interface EarlyFork<Args extends readonly (string | number)[]> {
  /** Starts the child; it waits for its first message. */
  start(...args: Args): void;
  /** The child that was started with these arguments, once; otherwise a new one. */
  take(...args: Args): ChildProcess;
  /** Ends a child that nobody has taken. */
  discard(): void;
}

export function createEarlyFork<Args extends readonly (string | number)[]>(
  fork: (...args: Args) => ChildProcess,
): EarlyFork<Args> {
  let early: { child: ChildProcess; args: Args } | null = null;
  const discard = (): void => {
    early?.child.kill('SIGKILL');
    early = null;
  };
  return {
    start: (...args) => {
      discard();
      const child = fork(...args);
      // A child that could not be started is not taken: whoever needs one starts it again and reports what is wrong.
      child.on('error', () => undefined);
      early = { child, args };
    },
    take: (...args) => {
      const found = early;
      if (found?.child.connected === true && found.args.every((arg, index) => arg === args[index])) {
        early = null;
        return found.child;
      }
      discard();
      return fork(...args);
    },
    discard,
  };
}
