import type { Clock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { recoveredAssociationId, reviveError, type EndOfSending, type ReceiverEvent } from './receiverMessages.ts';
import type { StoredInstance } from '../case/case.ts';
import type { CommitmentReported, CommitmentRequest } from '../case/commitment.ts';
import type { Log } from '../base/log.ts';
import type { CommitmentAnswer } from './commitmentService.ts';
import type { ReceiveConfig } from './receiveConfig.ts';
import type { Refusal, RefusalKind } from './refusals.ts';
import { createSendingHabits } from './sendingHabits.ts';
import { wholeStudies } from './wholeStudies.ts';

export interface ReceiverOptions {
  config: ReceiveConfig;
  spoolDir: string;
  /** Name of this node where several receive into the spool. */
  node?: string | undefined;
  /** How soon after a release a sender goes on with a study that it sends in parts, ms. */
  longestPauseMs: number;
  clock: Clock;
  log: Log;
  /** An object is durable on disk. Objects sent again or not reported before a crash also come here, possibly twice: recording must be idempotent. */
  onStored(instance: StoredInstance, associationId: string): void;
  /** Called after every `onStored` of the association. */
  onReleased(associationId: string, studyInstanceUids: string[], end: SendingEnd): void;
  /** A sender asks for commitment, after every `onStored` of what it has sent. Without it, nobody is given one. */
  onCommitmentAsked?: (request: CommitmentRequest) => Promise<CommitmentAnswer>;
  /** An archive reports on a commitment that it was asked for. Without it, no report is taken. */
  onCommitmentReported?: (reported: CommitmentReported) => Promise<CommitmentAnswer>;
  /** Something was refused, or ended early. */
  onRefused?(refusal: Refusal): void;
}

export interface SendingEnd {
  /** `unknown` for objects that were found on disk rather than received. */
  how: EndOfSending | 'unknown';
  openedAtMs: number;
  endedAtMs: number;
  /** The studies for which nothing more is on its way. */
  whole: string[];
  /** Of these, the studies with which the sender may go on soon: it sends in parts, is not known, or has just opened an association on which nothing has come yet. */
  mayGoOn: string[];
}

export interface OpenAssociation {
  callingAeTitle: string;
  address: string;
  openedAtMs: number;
  /** Studies of which something was stored. */
  studyInstanceUids: ReadonlySet<string>;
}

export interface ReceiverCounters {
  associations: number;
  /** Associations rejected. */
  rejected: number;
  /** Objects acknowledged, including those that came again. */
  stored: number;
  /** Objects answered with a failure. */
  refused: number;
  /** Requests for commitment answered with a failure. */
  refusedCommitments: number;
  /** Presentation contexts refused. */
  refusedContexts: number;
  /** Associations that ended without a release. */
  aborted: number;
  /** Connections closed at once because too many were open. */
  dropped: number;
  /** TLS connections refused before any association: no TLS, no certificate, one that is not accepted. */
  refusedTls: number;
  /** How often the process was restarted. */
  restarts: number;
}

interface TrackedAssociation extends OpenAssociation {
  studyInstanceUids: Set<string>;
}
interface Describing {
  studyInstanceUids: Set<string>;
  resolve: (unreadable: string[]) => void;
  reject: (error: Error) => void;
}

/** Everything the receiver's processes have reported so far, and the callers waiting for their answers. */
export interface ReceiverRecord {
  counters: ReceiverCounters;
  open: ReadonlyMap<string, OpenAssociation>;
  /** The highest value seen, in bytes, among the times it was measured. */
  peakRssBytes(): number;
  /** Handles a message of a process; `listening` and `failed` concern only its start, what concerns a commitment is answered. */
  take(
    event: Exclude<ReceiverEvent, { type: 'listening' | 'failed' | 'commitment-asked' | 'commitment-reported' }>,
  ): void;
  /** Resolves with the unreadable paths, once the contents of the spool have been reported. */
  describing(id: number): Promise<string[]>;
  asking(id: number): Promise<number>;
  /** The process has died: its associations end once everything it left unreported has been reported. Callers still waiting get an error. */
  died(sinceMs: number): void;
  /** Since when a dead process may have stored unreported objects; null when nothing is left to do. */
  untoldSinceMs(): number | null;
  /** Reports that the associations of dead processes are over. */
  settle(): void;
}

const REFUSAL_COUNTERS = {
  association: 'rejected',
  context: 'refusedContexts',
  object: 'refused',
  commitment: 'refusedCommitments',
  abort: 'aborted',
  connection: 'dropped',
  tls: 'refusedTls',
} as const satisfies Record<RefusalKind, keyof ReceiverCounters>;

const NOTHING_YET: ReceiverCounters = {
  associations: 0,
  rejected: 0,
  stored: 0,
  refused: 0,
  refusedCommitments: 0,
  refusedContexts: 0,
  aborted: 0,
  dropped: 0,
  refusedTls: 0,
  restarts: 0,
};

/** Of objects that were found on disk. */
const NO_SENDER = { callingAeTitle: '', address: '' };

export function createReceiverRecord(
  options: Pick<ReceiverOptions, 'longestPauseMs' | 'log' | 'onStored' | 'onReleased' | 'onRefused'>,
  clock: Clock,
): ReceiverRecord {
  const { log } = options;
  const counters = { ...NOTHING_YET };
  const open = new Map<string, TrackedAssociation>();
  const describing = new Map<number, Describing>();
  const asking = new Map<number, (peakRssBytes: number) => void>();
  const habits = createSendingHabits(options.longestPauseMs, clock);
  let peakRssBytes = 0;
  /** Work that a dead process left behind, until it is done. */
  let aftermath: { sinceMs: number; associations: Map<string, TrackedAssociation> } | null = null;

  const call = (name: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      log.error('what a received object set off has failed', { action: name, error });
    }
  };
  const release = (associationId: string, ended: OpenAssociation, how: SendingEnd['how']): void => {
    const { studyInstanceUids, openedAtMs } = ended;
    const others = [...open.values(), ...(aftermath?.associations.values() ?? [])];
    const whole = wholeStudies({ studyInstanceUids, clean: how === 'released' }, others);
    const mayGoOn = habits.released(ended, whole, others);
    call('onReleased', () => {
      const end = { how, openedAtMs, endedAtMs: clock.now(), whole, mayGoOn };
      options.onReleased(associationId, [...studyInstanceUids], end);
    });
  };

  const take: ReceiverRecord['take'] = (event) => {
    switch (event.type) {
      case 'opened': {
        const { callingAeTitle, address } = event;
        counters.associations++;
        const studyInstanceUids = new Set<string>();
        open.set(event.associationId, { callingAeTitle, address, openedAtMs: clock.now(), studyInstanceUids });
        break;
      }
      case 'stored': {
        const recovery = [...describing].find(([id]) => recoveredAssociationId(id) === event.associationId)?.[1];
        if (recovery === undefined) counters.stored++;
        const { studyInstanceUid } = event.instance.header;
        const association = open.get(event.associationId);
        (recovery ?? association)?.studyInstanceUids.add(studyInstanceUid);
        if (association !== undefined) habits.came(association, studyInstanceUid);
        call('onStored', () => {
          options.onStored(event.instance, event.associationId);
        });
        break;
      }
      case 'refused': {
        const { refusal } = event;
        counters[REFUSAL_COUNTERS[refusal.kind]]++;
        call('onRefused', () => options.onRefused?.(refusal));
        break;
      }
      case 'ended': {
        const association = open.get(event.associationId);
        open.delete(event.associationId);
        if (association !== undefined) release(event.associationId, association, event.how);
        break;
      }
      case 'described': {
        const recovery = describing.get(event.id);
        describing.delete(event.id);
        if (recovery === undefined) break;
        if (recovery.studyInstanceUids.size > 0)
          release(recoveredAssociationId(event.id), { ...recovery, ...NO_SENDER, openedAtMs: clock.now() }, 'unknown');
        recovery.resolve(event.unreadable);
        break;
      }
      case 'usage':
        peakRssBytes = Math.max(peakRssBytes, event.peakRssBytes);
        asking.get(event.id)?.(event.peakRssBytes);
        asking.delete(event.id);
        break;
      case 'log':
        log[event.level](event.message, {
          ...event.fields,
          ...(event.error === undefined ? {} : { error: reviveError(event.error) }),
        });
        break;
    }
  };

  return {
    counters,
    open,
    peakRssBytes: () => peakRssBytes,
    take,
    describing: (id) =>
      new Promise((resolve, reject) => {
        describing.set(id, { studyInstanceUids: new Set(), resolve, reject });
      }),
    asking: (id) =>
      new Promise((resolve) => {
        asking.set(id, resolve);
      }),
    died: (sinceMs) => {
      for (const { reject } of describing.values())
        reject(new TriageError('receiver-died', 'The receiver died while it read the spool.'));
      describing.clear();
      for (const answer of asking.values()) answer(peakRssBytes);
      asking.clear();
      aftermath ??= { sinceMs, associations: new Map() };
      for (const [associationId, association] of open) aftermath.associations.set(associationId, association);
      open.clear();
    },
    untoldSinceMs: () => aftermath?.sinceMs ?? null,
    settle: () => {
      for (const [associationId, association] of aftermath?.associations ?? [])
        release(associationId, association, 'broken');
      aftermath = null;
    },
  };
}
