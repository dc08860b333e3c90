import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';

const WINDOW_MS = 15 * 60_000;
/** One person at one desk. */
const MOST_HERE = 8;
/** One account from everywhere: high enough that nobody is locked out by a neighbour's mistakes. */
const MOST_FOR_ACCOUNT = 50;
/** One address for all accounts: a reading room behind one address has many people. */
const MOST_FROM_ADDRESS = 40;
const MOST_KEPT = 20_000;

/** Counts attempts to sign in. */
export interface SignInLimits {
  /**
   * Counts an attempt before it is looked at, so that many at once are many.
   *
   * @throws TriageError `too-many-attempts` with `retryAfterSeconds` in its context
   */
  attempt: (account: string, address: string) => void;
  /** The attempt was right: it does not count, and the desk starts anew. */
  succeeded: (account: string, address: string) => void;
}

export function createSignInLimits(clock: Clock): SignInLimits {
  const windows = new Map<string, { count: number; endsAtMs: number }>();
  const keysOf = (account: string, address: string): [key: string, most: number][] => [
    [JSON.stringify([account, networkOf(address)]), MOST_HERE],
    [JSON.stringify([account]), MOST_FOR_ACCOUNT],
    [networkOf(address), MOST_FROM_ADDRESS],
  ];
  return {
    attempt: (account, address) => {
      const now = clock.now();
      const counted = keysOf(account.toLowerCase().slice(0, 100), address).map(([key, most]) => {
        const known = windows.get(key);
        return {
          key,
          most,
          window: known !== undefined && known.endsAtMs > now ? known : { count: 0, endsAtMs: now + WINDOW_MS },
        };
      });
      const full = counted.filter(({ window, most }) => window.count >= most);
      if (full.length > 0) {
        const retryAfterSeconds = Math.ceil((Math.max(...full.map(({ window }) => window.endsAtMs)) - now) / 1000);
        throw new TriageError(
          'too-many-attempts',
          `Too many attempts. Try again in ${Math.ceil(retryAfterSeconds / 60)} min.`,
          { context: { retryAfterSeconds } },
        );
      }
      for (const { key, window } of counted) {
        window.count += 1;
        // Set anew, so that the map's order is the order of use.
        windows.delete(key);
        windows.set(key, window);
      }
      for (const key of windows.keys()) {
        if (windows.size <= MOST_KEPT) break;
        windows.delete(key);
      }
    },
    succeeded: (account, address) => {
      const [[here], ...others] = keysOf(account.toLowerCase().slice(0, 100), address) as [
        [string, number],
        ...[string, number][],
      ];
      windows.delete(here);
      for (const [key] of others) {
        const window = windows.get(key);
        if (window !== undefined) window.count -= 1;
      }
    },
  };
}

/** An IPv6 customer has a whole /64: its addresses count as one. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const groups = address.includes('::')
    ? [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after]
    : before;
  return groups.slice(0, 4).join(':');
}
