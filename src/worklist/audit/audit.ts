import type { AuditEntry } from '../../answers/accessAnswers.ts';
import { createHash } from 'node:crypto';
import type { Kysely, Selectable, SelectQueryBuilder, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { lockUntilCommit } from '../db/dialect.ts';
import type { AuditTable, Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

/** The words of the audit. */
export const AUDIT_ACTIONS = [
  'agent.started',
  'agent.stopped',
  'sign-in',
  'sign-in.failed',
  'sign-in.confirmed',
  'sign-out',
  'access.denied',
  'password.changed',
  'user.added',
  'user.role-changed',
  'user.disabled',
  'user.enabled',
  'user.reset',
  'token.added',
  'token.revoked',
  'wall.added',
  'wall.opened',
  'wall.revoked',
  'threshold.requested',
  'threshold.signed',
  'threshold.requestClosed',
  'threshold.changed',
  'model.activated',
  'model.validated',
  'model.recalibrated',
  'model.installed',
  'model.removed',
  'selection.changed',
  'setting.changed',
  'names.shown',
  'case.viewed',
  'case.previewed',
  'case.fetched',
  'case.read',
  'case.unread',
  'case.stat',
  'case.notStat',
  'case.claimed',
  'case.released',
  'case.bellStopped',
  'case.verdict',
  'case.reprocessed',
  'case.resent',
  'case.quarantineReleased',
  'case.leftAsIs',
  'proof.requested',
  'peer.echoed',
  'routing.tested',
  'pull.requested',
  'pull.ended',
  'audit.exported',
  'audit.broken',
  'association.rejected',
  'association.aborted',
  'connection.dropped',
  'tls.refused',
  'context.refused',
  'object.refused',
  'commitment.refused',
  'study.received',
  'results.sent',
  'results.refused',
  'study.removed',
  'study.filesRemoved',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What is recorded. `detail` stays free of PHI: studies go by their UID, people by their account. */
export interface AuditFact {
  action: AuditAction;
  /** Account, token, calling AE title, `web` (no sign-in), `command-line` or `odontoid`. */
  actor: string;
  /** Where the request came from; empty when from this machine's own command line. */
  address?: string;
  /** What it was done to: a study UID, an account, a model. */
  target?: string;
  detail?: Readonly<Record<string, string | number | boolean | null>>;
}

interface AuditFilter {
  fromMs?: number | undefined;
  toMs?: number | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  /** Returns only entries older than this one: the next page. */
  beforeSeq?: number | undefined;
}

/** The newest entry. Kept outside the database, it later shows whether entries were cut off the end. */
export interface AuditHead {
  seq: number;
  hash: string;
}

type AuditVerdict =
  | { whole: true; head: AuditHead }
  /** `seq` is the first entry that was altered. */
  | { whole: false; seq: number; why: string };

export interface AuditLog {
  append: (fact: AuditFact) => Promise<void>;
  /** Records that a person opened a study, at most once in ten minutes for each person and address. */
  viewed(actor: string, address: string, studyInstanceUid: string): Promise<void>;
  /** Records the entry unless the same actor did it, or one of `orActions`, to the same target from the same address since `sinceMs`. */
  appendOnce(fact: AuditFact, sinceMs: number, orActions?: readonly AuditAction[]): Promise<void>;
  /** Newest first. */
  page(filter: AuditFilter, limit: number): Promise<AuditEntry[]>;
  head(): Promise<AuditHead>;
  /** Reads the whole chain. With a head noted earlier, entries cut off the end are found too. */
  verify(noted?: AuditHead): Promise<AuditVerdict>;
  /** The same for the scheduled check: a broken chain gets an audit entry that says so, once for each place. @throws TriageError `database-invalid` */
  check: () => Promise<void>;
}

/** The hash that the first entry follows. */
export const FIRST_HASH = '0'.repeat(64);
/** Opening a study again within this time makes no new entry. */
export const SAME_VIEW_MS = 10 * 60_000;
const BATCH = 1_000;
/** Hostile values (an AE title, a user agent) must not forge lines or colours where the audit is shown. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

type Row = Selectable<AuditTable>;

function hashOf(row: Omit<Row, 'hash'>): string {
  const { previous_hash, seq, at, action, actor, address, target, detail } = row;
  return createHash('sha256')
    .update(JSON.stringify([previous_hash, seq, at, action, actor, address, target, detail]))
    .digest('hex');
}

/** Appends to the audit, in the same transaction as the change that it records. */
export async function appendAudit(trx: Transaction<Schema>, atMs: number, fact: AuditFact): Promise<void> {
  await lockUntilCommit(trx, 'audit');
  const last = await trx
    .selectFrom('audit_log')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const clean = (text: string) => text.replace(CONTROL, '?').slice(0, 200);
  const row = {
    seq: (last?.seq ?? 0) + 1,
    at: atMs,
    action: fact.action,
    actor: clean(fact.actor),
    address: clean(fact.address ?? ''),
    target: clean(fact.target ?? ''),
    detail: JSON.stringify(fact.detail ?? {}),
    previous_hash: last?.hash ?? FIRST_HASH,
  };
  await trx
    .insertInto('audit_log')
    .values({ ...row, hash: hashOf(row) })
    .execute();
}

/** Appends unless the same actor did it, or one of `orActions`, to the same target from the same address since `sinceMs`. */
export async function appendOnceTo(
  db: Kysely<Schema>,
  atMs: number,
  fact: AuditFact,
  sinceMs: number,
  orActions: readonly AuditAction[] = [],
): Promise<void> {
  const known = (on: Kysely<Schema>) =>
    on
      .selectFrom('audit_log')
      .select('seq')
      .where('target', '=', fact.target ?? '')
      .where('action', 'in', [fact.action, ...orActions])
      .where('actor', '=', fact.actor)
      .where('address', '=', fact.address ?? '')
      .where('at', '>', sinceMs)
      .executeTakeFirst();
  // A viewer asks for dozens of slices: take the write lock only when there is something to write.
  if ((await known(db)) !== undefined) return;
  await inTransaction(db, async (trx) => {
    if ((await known(trx)) === undefined) await appendAudit(trx, atMs, fact);
  });
}

/** Why an entry does not continue the chain from the one before it, or null. */
export function objectionTo(last: AuditHead, row: Row): { seq: number; why: string } | null {
  if (row.seq !== last.seq + 1) return { seq: last.seq + 1, why: 'it is missing' };
  if (row.previous_hash !== last.hash) return { seq: row.seq, why: 'it does not follow the entry before it' };
  return row.hash === hashOf(row) ? null : { seq: row.seq, why: 'it was changed' };
}

export function entryOf({ seq, at, action, actor, address, target, detail, hash }: Row): AuditEntry {
  return { seq, atMs: at, action, actor, address, target, detail: detailOf(detail), hash };
}

/** Damaged JSON is shown and sent on as it is. */
function detailOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { unreadable: text };
  }
}

/** The audit of an open database. */
export function createAuditLog({ db, reads }: WorklistDatabase, clock: Clock): AuditLog {
  const head = async (): Promise<AuditHead> =>
    (await db.selectFrom('audit_log').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst()) ?? {
      seq: 0,
      hash: FIRST_HASH,
    };
  const append = (fact: AuditFact): Promise<void> => inTransaction(db, (trx) => appendAudit(trx, clock.now(), fact));
  const appendOnce: AuditLog['appendOnce'] = (fact, sinceMs, orActions) =>
    appendOnceTo(db, clock.now(), fact, sinceMs, orActions);
  const verify = async (noted?: AuditHead): Promise<AuditVerdict> => {
    let last: AuditHead = { seq: 0, hash: FIRST_HASH };
    for (;;) {
      const rows = await reads
        .selectFrom('audit_log')
        .selectAll()
        .where('seq', '>', last.seq)
        .orderBy('seq')
        .limit(BATCH)
        .execute();
      for (const row of rows) {
        const broken = objectionTo(last, row);
        if (broken !== null) return { whole: false, ...broken };
        if (row.seq === noted?.seq && row.hash !== noted.hash)
          return { whole: false, seq: row.seq, why: 'it is another one than the one noted' };
        last = { seq: row.seq, hash: row.hash };
      }
      if (rows.length < BATCH) break;
      // Hashing years of entries takes long: let other work run in between.
      await clock.sleep(0);
    }
    if (noted !== undefined && noted.seq > last.seq) return { whole: false, seq: last.seq + 1, why: 'it is missing' };
    return { whole: true, head: last };
  };
  return {
    append,
    appendOnce,
    viewed: (actor, address, studyInstanceUid) =>
      appendOnce({ action: 'case.viewed', actor, address, target: studyInstanceUid }, clock.now() - SAME_VIEW_MS),
    page: async (filter, limit) => {
      const rows = await filtered(reads, filter).orderBy('seq', 'desc').limit(limit).execute();
      return rows.map(entryOf);
    },
    head,
    verify,
    check: async () => {
      const verdict = await verify();
      if (verdict.whole) return;
      await appendOnce(
        { action: 'audit.broken', actor: 'odontoid', target: `entry ${verdict.seq}`, detail: { why: verdict.why } },
        0,
      );
      throw new TriageError(
        'database-invalid',
        `The audit is not as it was written from entry ${verdict.seq} on: ${verdict.why}. Run: odontoid audit verify`,
      );
    },
  };
}

function filtered(db: Kysely<Schema>, filter: AuditFilter): SelectQueryBuilder<Schema, 'audit_log', Row> {
  let query = db.selectFrom('audit_log').selectAll();
  if (filter.fromMs !== undefined) query = query.where('at', '>=', filter.fromMs);
  if (filter.toMs !== undefined) query = query.where('at', '<', filter.toMs);
  if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor);
  if (filter.action !== undefined) query = query.where('action', '=', filter.action);
  if (filter.target !== undefined) query = query.where('target', '=', filter.target);
  if (filter.beforeSeq !== undefined) query = query.where('seq', '<', filter.beforeSeq);
  return query;
}
