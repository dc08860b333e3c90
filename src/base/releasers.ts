import type { Log } from './log.ts';

export interface Releasers {
  /** Registers how a started part is stopped; `name` is for the log. */
  push: (name: string, release: () => Promise<void> | void) => void;
}

/**
 * Starts something made of parts. Each part registers how it is stopped as soon as it has started; `release` stops them all in reverse order, even if one of
 * them fails to stop. When the start fails, the parts started by then are stopped before the error is rethrown.
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
