import { sql } from 'kysely';
import { write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Back-offs are spread by up to a quarter. */
const LONGEST_SPREAD = 1.25;
/** When a confirmed result is checked for the last time (see outbox.ts). */
const LAST_CHECK_MS = 24 * 3_600_000;

/**
 * Corrects due times after a start or a step of the wall clock:
 * - The quiet time of studies that may still be arriving begins anew: it does not run while nobody listens.
 * - Times of receipt that lie in the future become the present.
 * - What is due later than any back-off allows is due now; after a step that was seen (`hasStepped`), everything is.
 * Where another node receives (`receives`), only that of deliveries is corrected: its clock is the one by which studies arrive.
 */
export async function settleDueTimes(
  context: StoreContext,
  { hasStepped, receives = true }: { hasStepped: boolean; receives?: boolean },
): Promise<void> {
  const { clock, options } = context;
  const now = clock.now();
  const latest = (longestMs: number): number => (hasStepped ? now : now + longestMs);
  const latestCase = latest(Math.max(options.retryMaxMs * LONGEST_SPREAD, options.quietMs, 60_000));
  const latestDelivery = latest(options.deliveryRetryMaxMs * LONGEST_SPREAD);
  await write(context, async (trx) => {
    if (receives) {
      await trx
        .updateTable('cases')
        .set({
          last_received_at: now,
          first_received_at: sql<number>`case when first_received_at > ${now} then ${now} else first_received_at end`,
        })
        .where('last_received_at', '>', now)
        .execute();
      await trx.updateTable('cases').set({ not_before: now }).where('not_before', '>', latestCase).execute();
      await trx
        .updateTable('cases')
        .set({ not_before: now + options.quietMs })
        .where('state', '=', 'receiving')
        .where('complete_hint', '=', 0)
        .where('not_before', '<', now + options.quietMs)
        .execute();
    }
    await trx
      .updateTable('deliveries')
      .set({ next_attempt_at: now })
      .where('status', 'in', ['pending', 'sent'])
      .where('next_attempt_at', '>', latestDelivery)
      .execute();
    await trx
      .updateTable('deliveries')
      .set({ next_check_at: now })
      .where('status', '=', 'confirmed')
      .where('next_check_at', '>', now + LAST_CHECK_MS)
      .execute();
  });
}
