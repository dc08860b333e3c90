import { sql } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/**
 * SQL on a row of `cases`: a person has dismissed what needed attention, and nothing new has come since. It changes nothing of the case itself: a held case
 * stays held, a refused result stays refused.
 */
export const isDismissed = sql<boolean>`(
  select case_events.type = 'leftAsIs'
  from case_events
  where case_events.study_instance_uid = cases.study_instance_uid
    and case_events.type in ('quarantined', 'gaveUp', 'deliveryRefused', 'resultLost', 'leftAsIs')
  order by case_events.id desc
  limit 1
) is true`;

/**
 * Takes a held or failed study, or one whose results a destination refused, off the list of what needs attention, with a reason on record. From then on
 * retention may remove it like a finished one.
 *
 * @throws TriageError `not-found` when nothing of the study needs attention
 */
export async function dismiss(
  context: StoreContext,
  studyInstanceUid: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    const refused = await trx
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .select('deliveries.id')
      .where('result_objects.study_instance_uid', '=', studyInstanceUid)
      .where('deliveries.status', '=', 'refused')
      .executeTakeFirst();
    if (row === undefined || (row.quarantine_reason === null && row.state !== 'failed' && refused === undefined))
      throw new TriageError('not-found', 'Nothing of this study waits for a person.');
    await appendEvent(trx, {
      studyInstanceUid,
      revision: row.revision,
      at: context.clock.now(),
      type: 'leftAsIs',
      from: row.state,
      to: row.state,
      actor,
      detail: { reason },
    });
    touched.add(studyInstanceUid);
  });
}
