import { CLAIM_ASKED_AFTER_MS, CLAIM_RETURNS_AFTER_MS } from '../../case/attention.ts';
import { TriageError } from '../../base/errors.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import { appendEvent, caseRow, write, type StoreContext } from '../cases/storeContext.ts';
import type { Schema } from '../db/schema.ts';
import type { Transaction } from 'kysely';

/** A flag that a person has opened does not ring any more, at any desk. */
export async function noteOpened(context: StoreContext, studyInstanceUid: string): Promise<void> {
  await write(context, async (trx, touched) => {
    if (await attend(trx, studyInstanceUid, context.clock.now())) touched.add(studyInstanceUid);
  });
}

/** A person stops the ringing of a flag without opening it. @throws TriageError `not-found` */
export async function stopRinging(context: StoreContext, studyInstanceUid: string, actor: string): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
    const at = context.clock.now();
    if (!(await attend(trx, studyInstanceUid, at))) return;
    const { revision, state } = row;
    await appendEvent(trx, { studyInstanceUid, revision, at, type: 'bellStopped', from: state, to: state, actor });
    touched.add(studyInstanceUid);
  });
}

/** Gives scans back to the list whose readers have not said for too long that they are still reading them. Flags among them ring again. Returns how many. */
export async function returnOldClaims(context: StoreContext): Promise<number> {
  return write(context, async (trx, touched) => {
    const at = context.clock.now();
    const old = await trx
      .selectFrom('cases')
      .select(['study_instance_uid', 'revision', 'state', 'claimed_by'])
      .where('read_at', 'is', null)
      .where('claimed_by', 'is not', null)
      .where('claimed_at', '<=', at - CLAIM_RETURNS_AFTER_MS)
      .execute();
    for (const { study_instance_uid: studyInstanceUid, revision, state, claimed_by: claimedBy } of old) {
      await trx
        .updateTable('cases')
        .set({ claimed_by: null, claimed_at: null, attended_at: null, rings_from: at })
        .where('study_instance_uid', '=', studyInstanceUid)
        .execute();
      const detail = { claimedBy };
      const event = { studyInstanceUid, revision, at, from: state, to: state, detail };
      await appendEvent(trx, { ...event, type: 'claimReturned', actor: 'odontoid' });
      touched.add(studyInstanceUid);
    }
    return old.length;
  });
}

/** Claims of a reader that are so old that the page asks about them. */
export async function oldClaims(
  db: Transaction<Schema>,
  reader: string,
  nowMs: number,
): Promise<WorklistAnswer['oldClaims']> {
  const rows = await db
    .selectFrom('cases')
    .select(['case_ref', 'claimed_at'])
    .where('read_at', 'is', null)
    .where('claimed_by', '=', reader)
    .where('claimed_at', '<=', nowMs - CLAIM_ASKED_AFTER_MS)
    .where('removing', '=', 0)
    .orderBy('claimed_at')
    .execute();
  return rows.map(({ case_ref: caseRef, claimed_at: claimedAtMs }) => ({
    caseRef: caseRef ?? '',
    claimedAtMs: claimedAtMs!,
    returnsAtMs: claimedAtMs! + CLAIM_RETURNS_AFTER_MS,
  }));
}

/** False when the scan is not flagged, is read, or was attended to before. */
async function attend(trx: Transaction<Schema>, studyInstanceUid: string, nowMs: number): Promise<boolean> {
  const flag = await trx
    .selectFrom('cases')
    .innerJoin('analyses', onCurrentRevision)
    .select(['cases.attended_at', 'analyses.analysed_at'])
    .where('cases.study_instance_uid', '=', studyInstanceUid)
    .where('cases.read_at', 'is', null)
    .where('analyses.decision', '=', 'suspected')
    .executeTakeFirst();
  if (flag === undefined || (flag.attended_at ?? -1) >= (flag.analysed_at ?? 0)) return false;
  await trx
    .updateTable('cases')
    // A clock that was set back must not make it look as if the flag had come afterwards.
    .set({ attended_at: Math.max(nowMs, flag.analysed_at ?? 0) })
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
  return true;
}
