/** Ends what waits for a peer when the agent stops. */
export class Stopping extends Error {}

/** Waits for some work, but no longer than until the agent stops. @throws Stopping */
export type UntilStop = <T>(work: Promise<T>) => Promise<T>;

/** Rejects as soon as the agent stops, whatever the peer does. */
export function orStopping(signal: AbortSignal): UntilStop {
  const stopped = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(new Stopping());
    else signal.addEventListener('abort', () => reject(new Stopping()), { once: true });
  });
  stopped.catch(() => undefined);
  return (work) => {
    work.catch(() => undefined);
    return Promise.race([work, stopped]);
  };
}
