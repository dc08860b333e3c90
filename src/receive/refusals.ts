import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

/** What was turned away at the door: an association, a presentation context, an object; or ended early: an association, a connection. */
export type RefusalKind = 'association' | 'context' | 'object' | 'abort' | 'connection';

/** One thing that a peer wanted and did not get. Free of PHI. */
export interface Refusal {
  kind: RefusalKind;
  /** As the peer says; empty when it has not said yet. */
  callingAeTitle: string;
  address: string;
  /** SOP class of a context or an object; else empty. */
  what: string;
  why: string;
  /** Where it is known which study is concerned. */
  studyInstanceUid?: string;
}

const GATHER_MS = 5_000;
/** Who scans ports under ever new names fills neither memory nor the audit. */
const MOST_KINDS = 50;

/** What the audit calls them. */
export const REFUSAL_ACTIONS = {
  association: 'association.rejected',
  context: 'context.refused',
  object: 'object.refused',
  abort: 'association.aborted',
  connection: 'connection.dropped',
} as const satisfies Record<RefusalKind, string>;

/** A line of the audit: who was turned away, why, and how often. */
interface RefusalFact {
  action: (typeof REFUSAL_ACTIONS)[RefusalKind];
  /** Calling AE title, or `unknown`. */
  actor: string;
  address: string;
  /** Study Instance UID, or empty. */
  target: string;
  detail: { why: string; count: number; what?: string };
}

export interface RefusalRecorder {
  refused: (refusal: Refusal) => void;
  /** Writes what has been gathered. */
  close: () => Promise<void>;
}

/** Puts refusals into the audit, those of the same peer and reason within some seconds as one entry: a flood must not become a flood of writes. */
export function createRefusalRecorder(
  append: (fact: RefusalFact) => Promise<void>,
  clock: Clock,
  log: Log,
): RefusalRecorder {
  let gathered = new Map<string, Refusal & { count: number }>();
  let cancel: (() => void) | null = null;
  let writing = Promise.resolve();
  const flush = (): void => {
    cancel?.();
    cancel = null;
    const facts = [...gathered.values()];
    gathered = new Map();
    writing = writing.then(async () => {
      for (const { kind, callingAeTitle, address, what, why, studyInstanceUid, count } of facts)
        await append({
          action: REFUSAL_ACTIONS[kind],
          actor: callingAeTitle || 'unknown',
          address,
          target: studyInstanceUid ?? '',
          detail: { why, count, ...(what === '' ? {} : { what }) },
        });
    });
    writing = writing.catch((error: unknown) => {
      log.error('what was refused could not be put into the audit', { count: facts.length, error });
    });
  };
  return {
    refused: (refusal) => {
      const { kind, callingAeTitle, address, what, why, studyInstanceUid } = refusal;
      const key = JSON.stringify([kind, callingAeTitle, address, what, why, studyInstanceUid]);
      const known = gathered.get(key);
      if (known !== undefined) known.count += 1;
      else if (gathered.size < MOST_KINDS) gathered.set(key, { ...refusal, count: 1 });
      else {
        const others = gathered.get(kind) ?? {
          kind,
          callingAeTitle: 'others',
          address: '',
          what: '',
          why: 'many peers at once',
          count: 0,
        };
        gathered.set(kind, { ...others, count: others.count + 1 });
      }
      cancel ??= clock.after(GATHER_MS, flush);
    },
    close: async () => {
      flush();
      await writing;
    },
  };
}
