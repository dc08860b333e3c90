import type { Transaction } from 'kysely';
import { databaseNowMs, isPostgres } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import type { StoreContext } from './storeContext.ts';

// Work that one node does at a time. Times are those of the database's clock, which the nodes share.

/** Name of the work of sending to a destination. */
export const deliveringTo = (destination: string): string => `deliver ${destination}`;

/** Takes the lease of `work`, or renews it; false while another start of an agent holds it. */
export async function takeLease(context: StoreContext, work: string, leaseMs: number): Promise<boolean> {
  return inTransaction(context.db, async (trx) => {
    const nowMs = await databaseNowMs(trx, context.clock);
    const held = await trx.selectFrom('work_leases').selectAll().where('work', '=', work).executeTakeFirst();
    if (held !== undefined && held.boot !== context.bootId && held.held_until > nowMs) return false;
    const lease = { node: context.options.nodeName, boot: context.bootId, held_until: nowMs + leaseMs };
    await trx
      .insertInto('work_leases')
      .values({ work, ...lease })
      .onConflict((conflict) => conflict.column('work').doUpdateSet(lease))
      .execute();
    return true;
  });
}

/** Renews leases of this start; returns those of them that it still holds. */
export async function renewLeases(context: StoreContext, works: readonly string[], leaseMs: number): Promise<string[]> {
  return inTransaction(context.db, async (trx) => {
    const nowMs = await databaseNowMs(trx, context.clock);
    const renewed = await trx
      .updateTable('work_leases')
      .set({ held_until: nowMs + leaseMs })
      .where('work', 'in', works)
      .where('boot', '=', context.bootId)
      .returning('work')
      .execute();
    return renewed.map(({ work }) => work);
  });
}

/** Ends all leases of this start. What it did under them still counts until another takes them. */
export async function endLeases(context: StoreContext): Promise<void> {
  await inTransaction(context.db, async (trx) => {
    await trx.updateTable('work_leases').set({ held_until: 0 }).where('boot', '=', context.bootId).execute();
  });
}

/** Ends the leases of starts that are over: earlier ones of this node, and on SQLite, which serves one agent, all others. */
export async function endOldLeases(trx: Transaction<Schema>, { bootId, options }: StoreContext): Promise<void> {
  await trx
    .deleteFrom('work_leases')
    .where('boot', '!=', bootId)
    .$if(isPostgres(trx), (leases) => leases.where('node', '=', options.nodeName))
    .execute();
}

/** Whether another start has taken the work: what this one still does of it no longer counts. */
export async function isTakenOver(trx: Transaction<Schema>, { bootId }: StoreContext, work: string): Promise<boolean> {
  const held = await trx.selectFrom('work_leases').select('boot').where('work', '=', work).executeTakeFirst();
  return held !== undefined && held.boot !== bootId;
}
