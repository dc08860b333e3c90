import type { HeldReport } from '../../case/delivery.ts';
import { appendEvent, caseRow, write, type StoreContext } from './storeContext.ts';

/** Unread studies, newest first, that arrived since `sinceMs`. */
export async function unreadStudies(
  { reads }: StoreContext,
  sinceMs: number,
  limit: number,
): Promise<{ studyInstanceUid: string; arrivedAtMs: number }[]> {
  const rows = await reads
    .selectFrom('cases')
    .select(['study_instance_uid', 'first_received_at'])
    .where('read_at', 'is', null)
    .where('first_received_at', '>=', sinceMs)
    .where('recency', '!=', 'prior')
    .where('quarantine_reason', 'is', null)
    .where('removing', '=', 0)
    .where('proof', '=', 0)
    .orderBy('first_received_at', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ studyInstanceUid: row.study_instance_uid, arrivedAtMs: row.first_received_at }));
}

/**
 * Marks a study as read because an archive holds somebody else's report of it. Returns false when all are ours, or have done so before: a reader who takes the
 * mark back, and slices that come after the report, need another one.
 */
export async function noteReported(
  context: StoreContext,
  studyInstanceUid: string,
  reports: readonly HeldReport[],
  archive: string,
): Promise<boolean> {
  return write(context, async (trx, touched) => {
    const row = await caseRow(trx, studyInstanceUid);
    if (row === undefined || row.read_at !== null || row.quarantine_reason !== null) return false;
    const own = await trx
      .selectFrom('result_objects')
      .select(['sop_instance_uid', 'series_instance_uid'])
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    const reads = await trx
      .selectFrom('case_events')
      .select('detail')
      .where('study_instance_uid', '=', studyInstanceUid)
      .where('type', '=', 'read')
      .execute();
    const known = new Set<unknown>([
      ...own.flatMap((object) => [object.sop_instance_uid, object.series_instance_uid]),
      ...reads.map(({ detail }) => (JSON.parse(detail) as { report?: string }).report),
    ]);
    const report = reports.find((held) => !known.has(held.sopInstanceUid) && !known.has(held.seriesInstanceUid));
    if (report === undefined) return false;
    const at = context.clock.now();
    const actor = `${report.modality} in ${archive}`;
    await trx
      .updateTable('cases')
      .set({ read_at: at, read_by: actor, read_before: null, claimed_by: null, claimed_at: null })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    const { revision, state } = row;
    const detail = { report: report.sopInstanceUid, modality: report.modality };
    await appendEvent(trx, { studyInstanceUid, revision, at, type: 'read', from: state, to: state, actor, detail });
    touched.add(studyInstanceUid);
    return true;
  });
}
