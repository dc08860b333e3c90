import type { Log } from './log.ts';

export interface Releasers {
  /** Says how a part that has been started is stopped; `name` is for the log. */
  push: (name: string, release: () => Promise<void> | void) => void;
}

/**
 * Starts something that is made of parts. Each part pushes how it is stopped as soon as it has started; `release` stops them all, what was started last first,
 * whether or not another one fails to stop. When the start fails, what has been started by then is stopped before the error goes on.
 */
export async function withReleasers<T>(
  log: Log,
  start: (releasers: Releasers, release: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const parts: { name: string; release: () => Promise<void> | void }[] = [];
  const release = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) {
      try {
        await part.release();
      } catch (error) {
        log.error('a part did not stop cleanly', { component: part.name, error });
      }
    }
  };
  try {
    return await start({ push: (name, release) => parts.push({ name, release }) }, release);
  } catch (error) {
    await release();
    throw error;
  }
}
