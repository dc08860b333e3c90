import type { Transaction } from 'kysely';
import { nextCaseState } from '../../case/caseState.ts';
import { cancelUnsent } from './outbox.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { appendEvent, NO_LEASE } from './storeContext.ts';

/**
 * Reopens a case for new input: any worker that holds it is fenced out. Once slices have been assembled, further slices begin a new revision: earlier
 * findings do not count for it, and results that were not sent yet are not sent.
 */
export async function reopen(
  trx: Transaction<Schema>,
  row: CaseRow,
  now: number,
  actor: string,
  why: { type: 'instanceReceived' | 'reprocessed'; detail?: Record<string, unknown> } = { type: 'instanceReceived' },
): Promise<void> {
  const state = nextCaseState(row.state, 'instanceReceived');
  const revision = row.state === 'receiving' ? row.revision : row.revision + 1;
  await trx
    .updateTable('cases')
    .set({
      state,
      revision,
      ...NO_LEASE,
      complete_hint: 0,
      report_due: 0,
      attempts: 0,
      not_before: 0,
      failure_code: null,
      failure_message: null,
      failure_stage: null,
      read_at: null,
      read_by: null,
      ...(row.read_at === null || why.type === 'reprocessed' ? {} : { read_before: row.read_by ?? '' }),
    })
    .where('study_instance_uid', '=', row.study_instance_uid)
    .execute();
  if (revision === row.revision) return;
  await cancelUnsent(trx, row.study_instance_uid);
  await appendEvent(trx, {
    studyInstanceUid: row.study_instance_uid,
    revision,
    at: now,
    ...why,
    from: row.state,
    to: state,
    actor,
  });
}
