import type { CommitmentReport, DueDelivery } from '../../case/delivery.ts';
import { write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';
import { deliveriesOf, dueDelivery } from './dueDeliveries.ts';

/** What a destination has reported on a commitment, and the deliveries that it still says something new about. */
export interface ReportedCommitment {
  transactionUid: string;
  committed: DueDelivery[];
  /** `reason`: Failure Reason (PS3.3 C.14.1.1), null where none is given. */
  failed: { delivery: DueDelivery; reason: number | null }[];
}

/** A report may come days later, when an archive was switched off meanwhile. */
const REMEMBERED_MS = 30 * 86_400_000;

/** Records that a destination is about to be asked for a commitment: its report may come before its response. */
export async function noteCommitmentAsked(
  context: StoreContext,
  asked: { destination: string; transactionUid: string; sopInstanceUids: readonly string[] },
): Promise<void> {
  const now = context.clock.now();
  await write(context, async (trx) => {
    await trx
      .deleteFrom('asked_commitments')
      .where('asked_at', '<', now - REMEMBERED_MS)
      .execute();
    await trx
      .insertInto('asked_commitments')
      .values({
        transaction_uid: asked.transactionUid,
        destination: asked.destination,
        sop_instance_uids: JSON.stringify(asked.sopInstanceUids),
        asked_at: now,
        reported_at: null,
        report: null,
      })
      .onConflict((conflict) => conflict.column('transaction_uid').doNothing())
      .execute();
  });
}

/**
 * Keeps a report until delivery has recorded what it says. `known`: it has come before, and changes nothing. `unknown`: nobody asked for this transaction, or
 * not within the last 30 days.
 */
export async function takeCommitmentReport(
  context: StoreContext,
  transactionUid: string,
  { committed, failed }: CommitmentReport,
): Promise<'taken' | 'known' | 'unknown'> {
  return write(context, async (trx) => {
    const asked = await trx
      .selectFrom('asked_commitments')
      .select('reported_at')
      .where('transaction_uid', '=', transactionUid)
      .executeTakeFirst();
    if (asked === undefined) return 'unknown';
    if (asked.reported_at !== null) return 'known';
    await trx
      .updateTable('asked_commitments')
      .set({
        reported_at: context.clock.now(),
        report: JSON.stringify({ committed: [...committed], failed: [...failed] } satisfies KeptReport),
      })
      .where('transaction_uid', '=', transactionUid)
      .execute();
    return 'taken';
  });
}

/** A report in the database. */
interface KeptReport {
  committed: string[];
  failed: [sopInstanceUid: string, reason: number | null][];
}

/**
 * Reports of a destination that delivery has not recorded yet. Left out is what they say nothing new about: deliveries that are committed to already, and failures
 * of objects that were sent once more since the destination was asked. One that a query did not find, and is to be sent again by itself, counts as accepted.
 */
export async function reportedCommitments(context: StoreContext, destination: string): Promise<ReportedCommitment[]> {
  const reports = await context.db
    .selectFrom('asked_commitments')
    .select(['transaction_uid', 'sop_instance_uids', 'asked_at', 'report'])
    .where('destination', '=', destination)
    .where('report', 'is not', null)
    .orderBy('reported_at')
    .execute();
  const found: ReportedCommitment[] = [];
  for (const { transaction_uid, sop_instance_uids, asked_at, report } of reports) {
    const { committed, failed } = JSON.parse(report!) as KeptReport;
    const isCommitted = new Set(committed);
    const reasons = new Map(failed);
    const rows = await deliveriesOf(context, destination)
      .where('deliveries.sop_instance_uid', 'in', JSON.parse(sop_instance_uids) as string[])
      .where((delivery) =>
        delivery.or([
          delivery('deliveries.status', 'in', ['sent', 'confirmed']),
          delivery.and([delivery('deliveries.status', '=', 'pending'), delivery('deliveries.sends', '>', 0)]),
        ]),
      )
      .orderBy('deliveries.id')
      .execute();
    const of = (row: (typeof rows)[number]) => dueDelivery(destination, row);
    found.push({
      transactionUid: transaction_uid,
      committed: rows
        .filter((row) => isCommitted.has(row.sop_instance_uid))
        .filter((row) => row.status !== 'confirmed' || row.receipt !== 'committed')
        .map(of),
      failed: rows
        .filter((row) => reasons.has(row.sop_instance_uid) && row.status !== 'pending')
        .filter((row) => row.receipt !== 'committed' && (row.sent_at ?? 0) <= asked_at)
        .map((row) => ({ delivery: of(row), reason: reasons.get(row.sop_instance_uid)! })),
    });
  }
  return found;
}

/** What was reported on this transaction is recorded with the deliveries; the same report again is known. */
export async function settleCommitment(context: StoreContext, transactionUid: string): Promise<void> {
  await write(context, async (trx) => {
    await trx
      .updateTable('asked_commitments')
      .set((asked) => ({ report: null, reported_at: asked.fn.coalesce('reported_at', asked.val(context.clock.now())) }))
      .where('transaction_uid', '=', transactionUid)
      .execute();
  });
}
