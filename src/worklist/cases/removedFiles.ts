import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { CaseManifest } from '../../case/case.ts';
import { appendAudit } from '../audit/audit.ts';
import type { CaseRow, DeliveryStatus, RemovedFilesTable, Schema } from '../db/schema.ts';
import { currentAnalysis } from './currentAnalysis.ts';
import { isDismissed } from './dismiss.ts';
import { isLeftAlone, safestFirst, type RemovableCase, type RemovalCause } from './removal.ts';
import { dropSliceFeatures } from './sliceFeatures.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** What keeps a case on record after everything else is done with it. What was refused can be sent again. */
export const WAITING = ['pending', 'sent', 'refused'] as const satisfies DeliveryStatus[];

/** SQL on a row of `cases`: the files that its present revision rests on were not removed. */
export const hasItsFiles = sql<boolean>`not exists (
  select 1 from removed_files
  where removed_files.study_instance_uid = cases.study_instance_uid and removed_files.revision = cases.revision
)`;

/** Of which nothing is left to do but to deliver results that are written: the files that came are not needed for that. */
function waiting(db: Kysely<Schema>, beforeMs: number, cause: RemovalCause) {
  return db
    .selectFrom('cases')
    .where((row) =>
      row.and([
        isLeftAlone(row, beforeMs, cause),
        row('removing', '=', 0),
        row('quarantine_reason', 'is', null),
        row.or([
          row('state', 'in', ['reported', 'delivered', 'ineligible']),
          row.and([row('state', '=', 'failed'), isDismissed]),
        ]),
        row.exists(
          row
            .selectFrom('result_objects')
            .innerJoin('deliveries', 'deliveries.sop_instance_uid', 'result_objects.sop_instance_uid')
            .select('deliveries.id')
            .whereRef('result_objects.study_instance_uid', '=', 'cases.study_instance_uid')
            .whereRef('result_objects.revision', '=', 'cases.revision')
            .where('deliveries.status', 'in', WAITING),
        ),
        row.exists(
          row
            .selectFrom('instances')
            .select('instances.path')
            .whereRef('instances.study_instance_uid', '=', 'cases.study_instance_uid'),
        ),
      ]),
    );
}

/** Cases that only wait for a destination, and whose received files may go: one dead destination does not fill the disk. */
export async function freeableCases(
  { db }: StoreContext,
  beforeMs: number,
  limit: number,
  cause: RemovalCause = 'age',
): Promise<RemovableCase[]> {
  return safestFirst(waiting(db, beforeMs, cause), limit);
}

/**
 * Takes the received files of a case off the record, in one transaction with the list of what is to be deleted, so that nothing on record ever lacks its file.
 * The case, its results and its deliveries stay. False when it no longer only waits for a destination, or received something since `beforeMs`.
 */
export async function freeFiles(
  context: StoreContext,
  studyInstanceUid: string,
  beforeMs: number,
  cause: RemovalCause = 'age',
): Promise<boolean> {
  return write(context, async (trx, touched) => {
    const found = await waiting(trx, beforeMs, cause)
      .select('study_instance_uid')
      .where('study_instance_uid', '=', studyInstanceUid)
      .executeTakeFirst();
    if (found === undefined) return false;
    const row = (await caseRow(trx, studyInstanceUid))!;
    const now = context.clock.now();
    const objects = await keepRemovedFiles(trx, row, { atMs: now, cause });
    await dropSliceFeatures(trx, studyInstanceUid);
    await trx
      .insertInto('files_to_delete')
      .columns(['path'])
      .expression(trx.selectFrom('instances').select('path').where('study_instance_uid', '=', studyInstanceUid))
      .execute();
    await trx.deleteFrom('instances').where('study_instance_uid', '=', studyInstanceUid).execute();
    const detail = { state: row.state, read: row.read_at !== null, cause };
    await appendAudit(trx, now, { action: 'study.filesRemoved', actor: 'odontoid', target: studyInstanceUid, detail });
    await appendEvent(trx, {
      studyInstanceUid,
      revision: row.revision,
      at: now,
      type: 'filesRemoved',
      from: row.state,
      to: row.state,
      actor: 'housekeeping',
      detail: { cause, objects },
    });
    touched.add(studyInstanceUid);
    return true;
  });
}

/** Keeps how much of a case is deleted when and why. Returns how many objects. */
async function keepRemovedFiles(
  trx: Transaction<Schema>,
  row: CaseRow,
  { atMs, cause }: { atMs: number; cause: RemovalCause },
): Promise<number> {
  const study = row.study_instance_uid;
  const { objects, bytes } = await trx
    .selectFrom('instances')
    .select(({ fn }) => [fn.countAll<number>().as('objects'), fn.sum<number>('size_bytes').as('bytes')])
    .where('study_instance_uid', '=', study)
    .executeTakeFirstOrThrow();
  const analysis = await currentAnalysis(trx, row);
  const manifest = analysis?.manifest == null ? null : (JSON.parse(analysis.manifest) as CaseManifest);
  const analysed = await trx
    .selectFrom('instances')
    .select('header')
    .where('study_instance_uid', '=', study)
    .where('path', '=', manifest?.slices[0]?.path ?? '')
    .executeTakeFirst();
  const before = await trx
    .selectFrom('removed_files')
    .selectAll()
    .where('study_instance_uid', '=', study)
    .executeTakeFirst();
  const values = {
    revision: row.revision,
    removed_at: atMs,
    cause,
    objects: objects + (before?.objects ?? 0),
    size_bytes: bytes + (before?.size_bytes ?? 0),
    // What came after the first removal of a revision was not analysed.
    analysed_header: before?.revision === row.revision ? before.analysed_header : (analysed?.header ?? null),
  };
  await trx
    .insertInto('removed_files')
    .values({ study_instance_uid: study, ...values })
    .onConflict((conflict) => conflict.column('study_instance_uid').doUpdateSet(values))
    .execute();
  return objects;
}

/** Received files, relative to the spool, that are to be deleted, at most `limit`: also those of a removal that was cut short. */
export async function filesToDelete({ db }: StoreContext, limit: number): Promise<string[]> {
  const rows = await db.selectFrom('files_to_delete').select('path').orderBy('path').limit(limit).execute();
  return rows.map(({ path }) => path);
}

/** These files are gone. */
export async function noteDeleted(context: StoreContext, paths: readonly string[]): Promise<void> {
  await write(context, async (trx) => {
    await trx.deleteFrom('files_to_delete').where('path', 'in', paths).execute();
  });
}

/** Whether a file that is found on disk is only waiting to be deleted. */
export async function isToBeDeleted(db: Kysely<Schema>, path: string): Promise<boolean> {
  const row = await db.selectFrom('files_to_delete').select('path').where('path', '=', path).executeTakeFirst();
  return row !== undefined;
}

/** What was removed of the files that a case's present revision rests on; undefined while they are here. */
export async function removedFilesOf(
  db: Kysely<Schema>,
  { study_instance_uid, revision }: Pick<CaseRow, 'study_instance_uid' | 'revision'>,
): Promise<Selectable<RemovedFilesTable> | undefined> {
  return db
    .selectFrom('removed_files')
    .selectAll()
    .where('study_instance_uid', '=', study_instance_uid)
    .where('revision', '=', revision)
    .executeTakeFirst();
}
