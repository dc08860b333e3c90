import { TriageError } from '../errors.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** A person has read the study, or takes that back. New slices make it unread again. @throws TriageError `not-found` */
export async function markRead(
  context: StoreContext,
  studyInstanceUid: string,
  read: boolean,
  actor: string,
): Promise<void> {
  await change(context, studyInstanceUid, actor, read ? 'read' : 'unread', (now) => ({ read_at: read ? now : null }));
}

/** Marks a study as clinically urgent, or takes that back. @throws TriageError `not-found` */
export async function markStat(
  context: StoreContext,
  studyInstanceUid: string,
  stat: boolean,
  actor: string,
): Promise<void> {
  await change(context, studyInstanceUid, actor, stat ? 'stat' : 'notStat', () => ({ stat: stat ? 1 : 0 }));
}

async function change(
  context: StoreContext,
  studyInstanceUid: string,
  actor: string,
  type: string,
  values: (now: number) => { read_at?: number | null; stat?: 0 | 1 },
): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
    const now = context.clock.now();
    await trx.updateTable('cases').set(values(now)).where('study_instance_uid', '=', studyInstanceUid).execute();
    await appendEvent(trx, {
      studyInstanceUid,
      revision: row.revision,
      at: now,
      type,
      from: row.state,
      to: row.state,
      actor,
    });
    touched.add(studyInstanceUid);
  });
}
