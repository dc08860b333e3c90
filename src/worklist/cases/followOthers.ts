import { ANNOUNCEMENTS } from './announcements.ts';
import type { StoreContext } from './storeContext.ts';

/**
 * Has listeners told of what other processes change, until the returned function is called; null where no other can. Whenever some of it may have been missed,
 * they are told of a change without a study, and look by themselves. `onError`: others cannot be heard for the moment.
 */
export function followOthers(
  { listen, listeners, bootId }: StoreContext,
  onError: (error: unknown) => void,
): (() => Promise<void>) | null {
  const tell = (study: string): void => {
    for (const listener of listeners) listener(study);
  };
  const onMessage = (payload: string): void => {
    const [boot, ...studies] = payload.split(' ');
    if (boot !== bootId) studies.forEach(tell);
  };
  return listen?.(ANNOUNCEMENTS, { onMessage, onGap: () => tell(''), onError }) ?? null;
}
