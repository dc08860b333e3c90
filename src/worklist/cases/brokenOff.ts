import { caseRecordOf } from '../list/caseRecord.ts';
import { currentAnalysis } from './currentAnalysis.ts';
import { reopen } from './reopen.ts';
import { caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Notes that a sender's connection broke off while these studies arrived: they count as incomplete until they are sent again. */
export async function noteBrokenOff(
  context: StoreContext,
  studyInstanceUids: readonly string[],
  atMs: number,
): Promise<void> {
  await write(context, async (trx, touched) => {
    for (const study of studyInstanceUids) {
      const row = await caseRow(trx, study);
      // What was assembled before lacks nothing that came on this connection.
      if (row?.state !== 'receiving') continue;
      await trx
        .updateTable('cases')
        .set({ broken_off_at: atMs, complete_hint: 0 })
        .where('study_instance_uid', '=', study)
        .execute();
      touched.add(study);
    }
  });
}

/**
 * Notes that a sender has released an association with these studies, which it opened at `openedAtMs`: what broke off before then has been sent again. A
 * study that was analysed as incomplete is analysed anew.
 */
export async function noteSent(
  context: StoreContext,
  studyInstanceUids: readonly string[],
  openedAtMs: number,
): Promise<void> {
  await write(context, async (trx, touched) => {
    for (const study of studyInstanceUids) {
      const row = await caseRow(trx, study);
      if (row === undefined || row.broken_off_at === null || row.broken_off_at > openedAtMs) continue;
      await trx.updateTable('cases').set({ broken_off_at: null }).where('study_instance_uid', '=', study).execute();
      const { manifest, findings } = caseRecordOf(row, await currentAnalysis(trx, row));
      const isAnalysedSo = manifest?.brokenOff === true || (manifest === null && findings !== null);
      if (row.state !== 'receiving' && isAnalysedSo) await reopen(trx, row, context.clock.now(), 'receive');
      touched.add(study);
    }
  });
}
