import type { Transaction } from 'kysely';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import { appendEvent, write, type StoreContext } from '../cases/storeContext.ts';
import type { Schema } from '../db/schema.ts';

/** What is unread for longer than a shift has most likely been read in the PACS. */
const SHIFT_MS = 8 * 3_600_000;

/** Scans that have been unread for longer than a shift; null when there are none. */
export async function leftOver(db: Transaction<Schema>, nowMs: number): Promise<WorklistAnswer['leftOver']> {
  const row = await unread(db, nowMs - SHIFT_MS)
    .select(({ fn, eb }) => [
      fn.countAll<number>().as('count'),
      fn.sum<number>(eb.case().when('analyses.decision', '=', 'suspected').then(1).else(0).end()).as('flagged'),
      fn.max('cases.first_received_at').as('newest'),
    ])
    .executeTakeFirstOrThrow();
  return row.count === 0 ? null : { count: row.count, flagged: row.flagged, newestArrivedAtMs: row.newest };
}

/** Marks as read what has been unread for longer than a shift and is not flagged: a flag is opened by somebody. Returns how many. */
export async function markLeftOverRead(context: StoreContext, actor: string): Promise<number> {
  return write(context, async (trx, touched) => {
    const at = context.clock.now();
    const rows = await unread(trx, at - SHIFT_MS)
      .select(['cases.study_instance_uid', 'cases.revision', 'cases.state'])
      .where((where) =>
        where.or([where('analyses.decision', 'is', null), where('analyses.decision', '!=', 'suspected')]),
      )
      .execute();
    for (const { study_instance_uid: studyInstanceUid, revision, state } of rows) {
      await trx
        .updateTable('cases')
        .set({ read_at: at, read_by: actor, read_before: null, claimed_by: null, claimed_at: null })
        .where('study_instance_uid', '=', studyInstanceUid)
        .execute();
      const detail = { leftOver: true };
      await appendEvent(trx, { studyInstanceUid, revision, at, type: 'read', from: state, to: state, actor, detail });
      touched.add(studyInstanceUid);
    }
    return rows.length;
  });
}

function unread(db: Transaction<Schema>, arrivedBeforeMs: number) {
  return db
    .selectFrom('cases')
    .leftJoin('analyses', onCurrentRevision)
    .where('cases.read_at', 'is', null)
    .where('cases.first_received_at', '<', arrivedBeforeMs)
    .where('cases.recency', '!=', 'prior')
    .where('cases.removing', '=', 0)
    .where('cases.proof', '=', 0);
}
