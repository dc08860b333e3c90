import type { Transaction } from 'kysely';
import { backoffMs } from '../../base/backoff.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { appendEvent, NO_LEASE, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';
import { endOldLeases } from './workLeases.ts';

/** Starts that may end in the midst of one stage of a case before it is given up: it may be the case that ends them. */
const MOST_INTERRUPTIONS = 10;

/**
 * Ends, at a start, the leases of this node's earlier starts, whose workers are dead. A power cut or a kill is no fault of the case: no attempt is counted, and
 * the case is due at once; from the second time in a row on it waits, so that others come before one that ends the process each time. Leases of other nodes
 * stay; that of a node which has died runs out.
 */
export async function endEarlierLeases(context: StoreContext): Promise<number> {
  return write(context, async (trx) => {
    const interrupted = await trx
      .selectFrom('cases')
      .selectAll()
      .where('lease_node', '=', context.options.nodeName)
      .where('lease_boot', '!=', context.bootId)
      .execute();
    for (const row of interrupted) await interrupt(trx, row, context);
    await endOldLeases(trx, context);
    return interrupted.length;
  });
}

async function interrupt(trx: Transaction<Schema>, row: CaseRow, { clock, options }: StoreContext): Promise<void> {
  const study = row.study_instance_uid;
  const now = clock.now();
  const times = (await interruptionsInARow(trx, study)) + 1;
  const wait = times === 1 ? 0 : backoffMs(study, times, options.retryMinMs, options.retryMaxMs);
  const isGivenUp = times >= MOST_INTERRUPTIONS;
  await trx
    .updateTable('cases')
    .set({
      ...NO_LEASE,
      attempts: isGivenUp ? options.maxAttempts : row.attempts - 1,
      not_before: wait === 0 ? row.not_before : now + wait,
    })
    .where('study_instance_uid', '=', study)
    .execute();
  await appendEvent(trx, {
    studyInstanceUid: study,
    revision: row.revision,
    at: now,
    type: 'interrupted',
    from: row.state,
    to: row.state,
    actor: row.lease_stage!,
    detail: { inARow: times },
  });
}

/** How often starts have ended in the midst of the stage at which the case still stands: the last one has noted it. */
async function interruptionsInARow(trx: Transaction<Schema>, studyInstanceUid: string): Promise<number> {
  const last = await trx
    .selectFrom('case_events')
    .select(['type', 'detail'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last?.type === 'interrupted' ? (JSON.parse(last.detail) as { inARow: number }).inARow : 0;
}
