import type { Transaction } from 'kysely';
import type { WorklistTotals } from '../../answers/worklistAnswer.ts';
import { CASE_STATES, type CaseState } from '../../case/caseState.ts';
import type { DeliveryStatus, Schema } from '../db/schema.ts';

/** Counts over all cases except synthetic ones. */
export async function worklistTotals(db: Transaction<Schema>, nowMs: number): Promise<WorklistTotals> {
  const fn = db.fn;
  const states = await db
    .selectFrom('cases')
    .select(['state', fn.count<number>('study_instance_uid').as('cases')])
    .where('proof', '=', 0)
    .groupBy('state')
    .execute();
  const byState = Object.fromEntries(
    CASE_STATES.map((state) => [state, states.find((row) => row.state === state)?.cases ?? 0]),
  ) as Record<CaseState, number>;
  const cases = db
    .selectFrom('cases')
    .select([fn.count<number>('study_instance_uid').as('cases'), fn.max('last_received_at').as('last')])
    .where('proof', '=', 0);
  const outbox = await db
    .selectFrom('deliveries')
    .select(['status', fn.count<number>('id').as('deliveries'), fn.min('created_at').as('oldest')])
    .where('status', 'in', ['pending', 'sent', 'refused'])
    .groupBy('status')
    .execute();
  const ofStatus = (status: DeliveryStatus) => outbox.find((row) => row.status === status);
  const oldest = Math.min(...outbox.map((row) => row.oldest));
  const all = await cases.executeTakeFirstOrThrow();
  return {
    byState,
    held: (await cases.where('quarantine_reason', 'is not', null).executeTakeFirstOrThrow()).cases,
    unread: (await cases.where('read_at', 'is', null).where('recency', '!=', 'prior').executeTakeFirstOrThrow()).cases,
    queue: {
      assemble: byState.receiving,
      infer: byState.assembled,
      report: (await cases.where('report_due', '=', 1).executeTakeFirstOrThrow()).cases,
    },
    outbox: {
      pending: ofStatus('pending')?.deliveries ?? 0,
      unconfirmed: ofStatus('sent')?.deliveries ?? 0,
      refused: ofStatus('refused')?.deliveries ?? 0,
      oldestAgeMs: outbox.length === 0 ? null : nowMs - oldest,
    },
    lastReceivedAtMs: all.cases === 0 ? null : all.last,
  };
}
