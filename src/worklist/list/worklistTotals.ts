import type { Transaction } from 'kysely';
import type { WorklistTotals } from '../../answers/worklistAnswer.ts';
import { CASE_STATES, type CaseState } from '../../case/caseState.ts';
import type { DeliveryStatus, Schema } from '../db/schema.ts';

/** Counts over all cases except synthetic ones. */
export async function worklistTotals(db: Transaction<Schema>, nowMs: number): Promise<WorklistTotals> {
  const fn = db.fn;
  const counts = await db.selectFrom('case_counts').selectAll().where('proof', '=', 0).execute();
  const casesThat = (match: (count: (typeof counts)[number]) => boolean): number =>
    counts.filter(match).reduce((sum, { cases }) => sum + cases, 0);
  const byState = Object.fromEntries(
    CASE_STATES.map((state) => [state, casesThat((count) => count.state === state)]),
  ) as Record<CaseState, number>;
  const newest = await db
    .selectFrom('cases')
    .select('last_received_at')
    .where('proof', '=', 0)
    .orderBy('last_received_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const outbox = await db
    .selectFrom('deliveries')
    .select(['status', fn.count<number>('id').as('deliveries'), fn.min('created_at').as('oldest')])
    .where('status', 'in', ['pending', 'sent', 'refused'])
    .groupBy('status')
    .execute();
  const ofStatus = (status: DeliveryStatus) => outbox.find((row) => row.status === status);
  const pending = ofStatus('pending');
  const oldest = Math.min(...outbox.map((row) => row.oldest));
  return {
    byState,
    held: casesThat((count) => count.held === 1),
    unread: casesThat((count) => count.unread === 1),
    queue: {
      assemble: byState.receiving,
      infer: byState.assembled,
      report: casesThat((count) => count.report_due === 1),
    },
    outbox: {
      pending: pending?.deliveries ?? 0,
      unconfirmed: ofStatus('sent')?.deliveries ?? 0,
      refused: ofStatus('refused')?.deliveries ?? 0,
      oldestAgeMs: outbox.length === 0 ? null : nowMs - oldest,
      oldestPendingAgeMs: pending === undefined ? null : nowMs - pending.oldest,
    },
    lastReceivedAtMs: newest?.last_received_at ?? null,
  };
}
