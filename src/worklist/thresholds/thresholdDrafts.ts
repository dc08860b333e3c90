import type { Kysely, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { appendAudit, SAME_VIEW_MS } from '../audit/audit.ts';
import type { DraftOutcome, Schema, ThresholdDraftsTable } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import { factsDigest, thresholdFacts } from './thresholdFacts.ts';
import { thresholdHistory } from './thresholds.ts';

/** A request expires after this long. */
const DRAFT_LIFE_MS = 24 * 3_600_000;

export interface ThresholdDraft {
  id: number;
  sourceAeTitle: string;
  value: number | null;
  reason: string;
  atMs: number;
  by: string;
  expiresAtMs: number;
  /** Confirmed fractures that would no longer be flagged, and who has opened each since. */
  lostFractures: { studyInstanceUid: string; openedBy: string[] }[];
  /** The author has signed; a second person must. */
  awaitsSecondPerson: boolean;
}

/** How a request ended without being activated. */
export interface ClosedDraft {
  id: number;
  outcome: Exclude<DraftOutcome, 'activated'>;
  atMs: number;
  by: string | null;
}

/** Runs `act` on an open request. @throws TriageError `not-found`, `threshold-draft-closed` */
export async function onDraft<T>(
  { db, clock }: { db: Kysely<Schema>; clock: Clock },
  id: number,
  act: (trx: Transaction<Schema>, draft: DraftRow) => Promise<T>,
): Promise<T> {
  const result = await inTransaction(db, async (trx) => {
    const draft = await draftIfOpen(trx, id, clock.now());
    return typeof draft === 'object' ? { done: await act(trx, draft) } : { draft };
  });
  if ('done' in result) return result.done;
  if (result.draft === undefined) throw new TriageError('not-found', 'There is no such request.');
  throw new TriageError('threshold-draft-closed', CLOSED_WORDS[result.draft]);
}

/** The request if it is still open; one that can no longer go on is closed first. The caller throws after the transaction, so that the closing is kept. */
export async function draftIfOpen(
  trx: Transaction<Schema>,
  id: number,
  nowMs: number,
): Promise<DraftRow | DraftOutcome | undefined> {
  const draft = await trx.selectFrom('threshold_drafts').selectAll().where('id', '=', id).executeTakeFirst();
  if (draft === undefined) return undefined;
  if (draft.outcome !== null) return draft.outcome;
  const reason = await closingReason(trx, draft, nowMs);
  if (reason === null) return draft;
  await closeDraft(trx, id, nowMs, reason, null);
  await appendAudit(trx, nowMs, {
    action: 'threshold.requestClosed',
    actor: 'odontoid',
    target: draft.model_name,
    detail: { request: id, outcome: reason },
  });
  return reason;
}

/** Why an open request cannot go on, or null. */
async function closingReason(db: Kysely<Schema>, draft: DraftRow, nowMs: number): Promise<DraftOutcome | null> {
  if (nowMs - draft.created_at >= DRAFT_LIFE_MS) return 'expired';
  if ((await newestVersion(db, draft.model_name)) !== draft.base_version) return 'threshold-changed';
  const { scored } = await thresholdFacts(db, draft.model_sha256, draft.since);
  return factsDigest(scored) === draft.facts_sha256 ? null : 'data-changed';
}

/** Ends a request. `by`: who ended it; null when it ended by itself. */
export async function closeDraft(
  trx: Kysely<Schema>,
  id: number,
  nowMs: number,
  outcome: DraftOutcome,
  by: string | null,
): Promise<void> {
  await trx
    .updateTable('threshold_drafts')
    .set({ outcome, closed_at: nowMs, closed_by: by })
    .where('id', '=', id)
    .execute();
}

export type DraftRow = Omit<ThresholdDraftsTable, 'id'> & { id: number };

const CLOSED_WORDS: Readonly<Record<DraftOutcome, string>> = {
  activated: 'This request is in force already.',
  withdrawn: 'This request was withdrawn.',
  expired: 'This request is older than 24 hours. Make a new one.',
  'data-changed':
    'Verdicts have changed since this request was made. Look at the consequences again and make a new one.',
  'threshold-changed': 'The threshold has changed since this request was made. Make a new one.',
};

export const lostOf = (draft: Pick<ThresholdDraftsTable, 'lost_fractures'>): string[] =>
  JSON.parse(draft.lost_fractures) as string[];

/** Who, or whether `by`, has opened the fractures that a request would lose. A view shortly before the request counts: the audit does not record a repeat. */
export async function viewsOf(
  db: Kysely<Schema>,
  draft: Pick<DraftRow, 'lost_fractures' | 'created_at'>,
  by?: string,
): Promise<{ study: string; by: string }[]> {
  const lost = lostOf(draft);
  if (lost.length === 0) return [];
  let views = db
    .selectFrom('audit_log')
    .select(['target', 'actor'])
    .distinct()
    .where('action', '=', 'case.viewed')
    .where('at', '>', draft.created_at - SAME_VIEW_MS)
    .where('target', 'in', lost);
  if (by !== undefined) views = views.where('actor', '=', by);
  return (await views.execute()).map(({ target, actor }) => ({ study: target, by: actor }));
}

export async function stillThere(db: Kysely<Schema>, studies: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('cases')
    .select('study_instance_uid')
    .where('study_instance_uid', 'in', [...studies])
    .where('removing', '=', 0)
    .execute();
  return new Set(rows.map((row) => row.study_instance_uid));
}

export async function newestVersion(db: Kysely<Schema>, modelName: string): Promise<number> {
  return (await thresholdHistory(db, modelName))[0]?.version ?? 0;
}

export async function openDraft(db: Kysely<Schema>, modelName: string): Promise<ThresholdDraft | null> {
  const draft = await db
    .selectFrom('threshold_drafts')
    .selectAll()
    .where('model_name', '=', modelName)
    .where('outcome', 'is', null)
    .executeTakeFirst();
  if (draft === undefined) return null;
  const views = await viewsOf(db, draft);
  return {
    id: draft.id,
    sourceAeTitle: draft.source_ae_title,
    value: draft.mode === 'follows-site' ? null : draft.value,
    reason: draft.reason,
    atMs: draft.created_at,
    by: draft.created_by,
    expiresAtMs: draft.created_at + DRAFT_LIFE_MS,
    lostFractures: lostOf(draft).map((studyInstanceUid) => ({
      studyInstanceUid,
      openedBy: [...new Set(views.filter((view) => view.study === studyInstanceUid).map((view) => view.by))],
    })),
    awaitsSecondPerson: draft.signed_at !== null,
  };
}

export async function lastClosed(db: Kysely<Schema>, modelName: string, nowMs: number): Promise<ClosedDraft | null> {
  const draft = await db
    .selectFrom('threshold_drafts')
    .selectAll()
    .where('model_name', '=', modelName)
    .where('outcome', 'is not', null)
    .where('closed_at', '>', nowMs - DRAFT_LIFE_MS)
    .orderBy('id', 'desc')
    .executeTakeFirst();
  if (draft?.outcome == null || draft.outcome === 'activated') return null;
  return { id: draft.id, outcome: draft.outcome, atMs: draft.closed_at ?? 0, by: draft.closed_by };
}
