import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

interface Rejection {
  callingAeTitle: string;
  address: string;
  why: string;
}

const GATHER_MS = 5_000;
/** Who scans ports under ever new names fills neither memory nor the audit. */
const MOST_KINDS = 50;

/** A line of the audit: who was turned away, why, and how often. */
interface RejectionFact {
  action: 'association.rejected';
  /** Calling AE title, or `unknown`. */
  actor: string;
  address: string;
  detail: { why: string; count: number };
}

export interface RejectionRecorder {
  rejected: (rejection: Rejection) => void;
  /** Writes what has been gathered. */
  close: () => Promise<void>;
}

/** Puts rejected associations into the audit, those of the same peer and reason within some seconds as one entry: a flood must not become a flood of writes. */
export function createRejectionRecorder(
  append: (fact: RejectionFact) => Promise<void>,
  clock: Clock,
  log: Log,
): RejectionRecorder {
  let gathered = new Map<string, Rejection & { count: number }>();
  let cancel: (() => void) | null = null;
  let writing = Promise.resolve();
  const flush = (): void => {
    cancel?.();
    cancel = null;
    const facts = [...gathered.values()];
    gathered = new Map();
    writing = writing.then(async () => {
      for (const { callingAeTitle, address, why, count } of facts)
        await append({
          action: 'association.rejected',
          actor: callingAeTitle || 'unknown',
          address,
          detail: { why, count },
        });
    });
    writing = writing.catch((error: unknown) => {
      log.error('rejected associations could not be put into the audit', { count: facts.length, error });
    });
  };
  return {
    rejected: (rejection) => {
      const key = JSON.stringify([rejection.callingAeTitle, rejection.address, rejection.why]);
      const known = gathered.get(key);
      if (known !== undefined) known.count += 1;
      else if (gathered.size < MOST_KINDS) gathered.set(key, { ...rejection, count: 1 });
      else {
        const others = gathered.get('') ?? {
          callingAeTitle: 'others',
          address: '',
          why: 'many peers at once',
          count: 0,
        };
        gathered.set('', { ...others, count: others.count + 1 });
      }
      cancel ??= clock.after(GATHER_MS, flush);
    },
    close: async () => {
      flush();
      await writing;
    },
  };
}
