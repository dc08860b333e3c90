import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';

const WINDOW_MS = 15 * 60_000;
/** Limit for one account from one address. */
const MOST_HERE = 8;
/** Limit for one account from all strangers: high enough that a neighbour's mistakes do not lock the owner out of a new browser. */
const MOST_FOR_ACCOUNT = 50;
/** Limit for one address over all accounts: a reading room behind one address has many people. */
const MOST_FROM_ADDRESS = 40;
const MOST_KEPT = 20_000;

/** Who tries. */
export interface Attempt {
  account: string;
  address: string;
  /** A browser known for the account, or a session of it; null for a stranger. It has its own count, which no stranger can fill. */
  device: string | null;
}

/** Counts attempts to sign in. */
export interface SignInLimits {
  /**
   * Counts an attempt before it is checked, so that simultaneous attempts all count.
   *
   * @throws TriageError `too-many-attempts` with `retryAfterSeconds` in its context
   */
  attempt: (attempt: Attempt) => void;
  /** The attempt succeeded: it does not count, and the person's own count is reset. */
  succeeded: (attempt: Attempt) => void;
}

export function createSignInLimits(clock: Clock): SignInLimits {
  const windows = new Map<string, { count: number; endsAtMs: number }>();
  const keysOf = ({ account, address, device }: Attempt): [key: string, most: number][] => {
    const name = account.toLowerCase().slice(0, 100);
    if (device !== null) return [[JSON.stringify([name, 'device', device]), MOST_HERE]];
    return [
      [JSON.stringify([name, networkOf(address)]), MOST_HERE],
      [JSON.stringify([name]), MOST_FOR_ACCOUNT],
      [networkOf(address), MOST_FROM_ADDRESS],
    ];
  };
  return {
    attempt: (attempt) => {
      const now = clock.now();
      const counted = keysOf(attempt).map(([key, most]) => {
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
        // Deleted and set again, so that the map's order is the order of use.
        windows.delete(key);
        windows.set(key, window);
      }
      for (const key of windows.keys()) {
        if (windows.size <= MOST_KEPT) break;
        windows.delete(key);
      }
    },
    succeeded: (attempt) => {
      const [[here], ...others] = keysOf(attempt) as [[string, number], ...[string, number][]];
      windows.delete(here);
      for (const [key] of others) {
        const window = windows.get(key);
        if (window !== undefined) window.count -= 1;
      }
    },
  };
}

/** An IPv6 customer has a whole /64, so its addresses count as one. */
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
