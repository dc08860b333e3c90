import { createHmac } from 'node:crypto';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { CountLimit, SignInCounts } from '../../worklist/people/signInCounts.ts';

const WINDOW_MS = 15 * 60_000;
/** Limit for one account from one address. */
const MOST_HERE = 8;
/** Limit for one account from all strangers: high enough that a neighbour's mistakes do not lock the owner out of a new browser. */
const MOST_FOR_ACCOUNT = 50;
/** Limit for one address over all accounts: a reading room behind one address has many people. */
const MOST_FROM_ADDRESS = 40;

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
  attempt: (attempt: Attempt) => Promise<void>;
  /** The attempt succeeded: it does not count, and the person's own count is reset. */
  succeeded: (attempt: Attempt) => Promise<void>;
}

/** `key` makes what is kept of names unreadable: somebody may have typed a password in the name field. */
export function createSignInLimits(counts: SignInCounts, key: string, clock: Pick<Clock, 'now'>): SignInLimits {
  /** The person's own count first. */
  const limitsOf = ({ account, address, device }: Attempt): [CountLimit, ...CountLimit[]] => {
    const limit = (of: readonly string[], most: number): CountLimit => ({
      name: createHmac('sha256', key)
        .update(JSON.stringify(['attempt', ...of]))
        .digest('base64url'),
      most,
    });
    const name = account.toLowerCase().slice(0, 100);
    if (device !== null) return [limit([name, 'device', device], MOST_HERE)];
    return [
      limit([name, 'address', networkOf(address)], MOST_HERE),
      limit([name], MOST_FOR_ACCOUNT),
      limit(['', 'address', networkOf(address)], MOST_FROM_ADDRESS),
    ];
  };
  return {
    attempt: async (attempt) => {
      const fullUntilMs = await counts.add(limitsOf(attempt), WINDOW_MS);
      if (fullUntilMs === null) return;
      const retryAfterSeconds = Math.ceil((fullUntilMs - clock.now()) / 1000);
      throw new TriageError(
        'too-many-attempts',
        `Too many attempts. Try again in ${Math.ceil(retryAfterSeconds / 60)} min.`,
        { context: { retryAfterSeconds } },
      );
    },
    succeeded: (attempt) => {
      const [own, ...others] = limitsOf(attempt);
      return counts.takeBack({ forgotten: own.name, lessOne: others.map(({ name }) => name) });
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
