import type { WorklistDatabase } from '../db/database.ts';

/** When the oldest study arrived that still has to be analysed or reported and is not held, epoch ms; null when there is none. Synthetic studies do not count. */
export async function oldestUnreportedAtMs({ db }: WorklistDatabase): Promise<number | null> {
  const { oldest } = await db
    .selectFrom('cases')
    .select(({ fn }) => fn.min<number | null>('last_received_at').as('oldest'))
    .where('proof', '=', 0)
    .where('removing', '=', 0)
    .where('quarantine_reason', 'is', null)
    .where((row) => row.or([row('state', 'in', ['receiving', 'assembled', 'inferred']), row('report_due', '=', 1)]))
    .executeTakeFirstOrThrow();
  return oldest;
}
