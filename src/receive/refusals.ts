import type { InstanceHeader } from '../case/case.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

/** What was refused (an association, a presentation context, an object, a request for commitment, a TLS handshake) or ended early (an association, a connection). */
export type RefusalKind = 'association' | 'context' | 'object' | 'commitment' | 'abort' | 'connection' | 'tls';

/** One refusal or early end. Free of PHI, except for `header`. */
export interface Refusal {
  kind: RefusalKind;
  /** As stated by the peer; empty when it has not stated it yet. */
  callingAeTitle: string;
  address: string;
  /** SOP class of a context or an object; otherwise empty. */
  what: string;
  why: string;
  /** Set when it is known which study is concerned. */
  studyInstanceUid?: string;
  /** Of a refused object of which enough came: for the worklist, never for the audit. */
  header?: InstanceHeader;
}

const GATHER_MS = 5_000;
/** A port scan under ever-changing names must not fill memory or the audit. */
const MOST_KINDS = 50;

/** Names of the audit actions. */
export const REFUSAL_ACTIONS = {
  association: 'association.rejected',
  context: 'context.refused',
  object: 'object.refused',
  commitment: 'commitment.refused',
  abort: 'association.aborted',
  connection: 'connection.dropped',
  tls: 'tls.refused',
} as const satisfies Record<RefusalKind, string>;

/** An audit entry: who was refused, why, and how often. */
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
  /** Writes the refusals collected so far. */
  close: () => Promise<void>;
}

/** Records refusals in the audit. Those of one peer and reason within a few seconds become one entry, so that a flood of them is not a flood of writes. */
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
      else if (gathered.size < MOST_KINDS)
        gathered.set(key, {
          kind,
          callingAeTitle,
          address,
          what,
          why,
          ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
          count: 1,
        });
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
