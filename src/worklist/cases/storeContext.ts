import type { Kysely, Transaction } from 'kysely';
import type { StoredInstance } from '../../case/case.ts';
import type { CaseState } from '../../case/caseState.ts';
import type { DestinationWishes } from '../../case/delivery.ts';
import type { LateImages } from '../../case/lateImages.ts';
import type { Clock } from '../../base/clock.ts';
import { appendAudit, type AuditAction } from '../audit/audit.ts';
import { lockUntilCommit } from '../db/dialect.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { announce } from './announcements.ts';

/** Attributes that can tell where a patient is: (0038,0300), (0008,1040), (0008,1010). */
export type LocationAttribute = 'currentPatientLocation' | 'institutionalDepartmentName' | 'stationName';

export interface CaseStoreOptions {
  /** Names the agent among those that share the database: its leases carry it. */
  nodeName: string;
  /** A study without a completeness hint is assembled after this long without a new object. */
  quietMs: number;
  /** Attempts of a stage on one input before the case is failed. */
  maxAttempts: number;
  /** Wait after the first failed attempt; doubled each time, up to `retryMaxMs`. */
  retryMinMs: number;
  retryMaxMs: number;
  /** The same for deliveries, which are retried without limit. */
  deliveryRetryMinMs: number;
  deliveryRetryMaxMs: number;
  /** Names of the destinations of results. */
  destinations: readonly string[];
  /** What single destinations want; the others want every result. */
  wishes: ReadonlyMap<string, DestinationWishes>;
  /** Destinations that receive the results of synthetic studies too. */
  proofDestinations: readonly string[];
  /** Also write a "could not be analysed" report for studies without an eligible series. */
  reportNotEligible: boolean;
  /** Whether images that came after a study was assembled change what is analysed. */
  changesAnalysis: (images: LateImages) => Promise<boolean>;
  /** A scan that is older than this when it comes is a prior; null for never. */
  maxAgeMs: number | null;
  /** Whether a study of such an object would be ignored by the selection rules. */
  isIgnored: (object: Pick<StoredInstance, 'header' | 'sourceAeTitle' | 'calledAeTitle' | 'receivedAtMs'>) => boolean;
  /** Name of the rule by which a study of such an object is clinically urgent; null when there is none. */
  urgentRule: (
    object: Pick<StoredInstance, 'header' | 'sourceAeTitle' | 'calledAeTitle' | 'receivedAtMs'>,
  ) => string | null;
  /** Which attribute of the first slice tells where the patient is; null for none. */
  locationFrom: LocationAttribute | null;
}

export const DEFAULT_CASE_STORE_OPTIONS: CaseStoreOptions = {
  nodeName: 'this-machine',
  quietMs: 20_000,
  maxAttempts: 3,
  retryMinMs: 2_000,
  retryMaxMs: 600_000,
  deliveryRetryMinMs: 5_000,
  deliveryRetryMaxMs: 900_000,
  destinations: [],
  wishes: new Map(),
  proofDestinations: [],
  reportNotEligible: true,
  changesAnalysis: () => Promise.resolve(true),
  maxAgeMs: null,
  isIgnored: () => false,
  urgentRule: () => null,
  locationFrom: 'currentPatientLocation',
};

/** What the parts of the case store share. */
export interface StoreContext {
  readonly db: Kysely<Schema>;
  /** Read-only handle for pages, which must not be held up by a write that waits for a lock. */
  readonly reads: Kysely<Schema>;
  readonly clock: Clock;
  readonly options: CaseStoreOptions;
  /** Tells the leases of this start from those of the node's earlier ones. */
  readonly bootId: string;
  readonly listeners: Set<(studyInstanceUid: string) => void>;
  /** Listens to the other processes on the database; absent on SQLite, where no other must hear of it. */
  readonly listen: WorklistDatabase['listen'];
}

/** Runs one write transaction. Studies that `run` adds to `touched` are announced once it is on disk. */
export async function write<T>(
  context: StoreContext,
  run: (trx: Transaction<Schema>, touched: Set<string>) => Promise<T>,
): Promise<T> {
  let touched = new Set<string>();
  const result = await inTransaction(context.db, async (trx) => {
    touched = new Set();
    const done = await run(trx, touched);
    await announce(trx, context.bootId, touched);
    return done;
  });
  for (const study of touched) for (const listener of context.listeners) listener(study);
  return result;
}

export async function caseRow(trx: Kysely<Schema>, studyInstanceUid: string): Promise<CaseRow | undefined> {
  return trx.selectFrom('cases').selectAll().where('study_instance_uid', '=', studyInstanceUid).executeTakeFirst();
}

/** Columns that end a lease: the case can be claimed again, and whoever still works on it is fenced out. */
export const NO_LEASE = {
  lease_token: null,
  lease_stage: null,
  lease_until: null,
  lease_node: null,
  lease_boot: null,
} as const;

/** What people do to a case is recorded in the audit too. Reasons are left out there because they are free text. */
const AUDITED: Readonly<Record<string, AuditAction>> = {
  read: 'case.read',
  unread: 'case.unread',
  stat: 'case.stat',
  notStat: 'case.notStat',
  claimed: 'case.claimed',
  released: 'case.released',
  claimReturned: 'case.released',
  bellStopped: 'case.bellStopped',
  verdict: 'case.verdict',
  reprocessed: 'case.reprocessed',
  deliveryRetried: 'case.resent',
  quarantineReleased: 'case.quarantineReleased',
  leftAsIs: 'case.leftAsIs',
};

/** Appends to the history of a case, and for actions of people to the audit, in the transaction that changes it. `detail` stays free of PHI. */
export async function appendEvent(
  trx: Transaction<Schema>,
  event: {
    studyInstanceUid: string;
    revision: number;
    at: number;
    type: string;
    from: CaseState | null;
    to: CaseState;
    actor: string;
    detail?: Record<string, unknown>;
    /** The agent that did it, where it is work of one. */
    node?: string;
  },
): Promise<void> {
  // Numbers of events are in the order in which they are seen: whoever has seen one has seen all before it.
  await lockUntilCommit(trx, 'events');
  await trx
    .insertInto('case_events')
    .values({
      study_instance_uid: event.studyInstanceUid,
      revision: event.revision,
      at: event.at,
      type: event.type,
      from_state: event.from,
      to_state: event.to,
      actor: event.actor,
      detail: JSON.stringify(event.detail ?? {}),
      node: event.node ?? null,
    })
    .execute();
  const action = AUDITED[event.type];
  if (action === undefined) return;
  await appendAudit(trx, event.at, {
    action,
    actor: event.actor,
    target: event.studyInstanceUid,
    detail: { revision: event.revision },
  });
}
