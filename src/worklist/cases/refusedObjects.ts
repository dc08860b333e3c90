import type { Kysely, Transaction } from 'kysely';
import { identityDifferences } from '../../case/patientIdentity.ts';
import type { RefusedObject, RefusedObjects } from '../../case/refusedObject.ts';
import { CT_SOP_CLASSES } from '../../dicom/sopClasses.ts';
import { patientOf } from '../list/caseRecord.ts';
import type { Schema } from '../db/schema.ts';
import { instanceKind, openCase } from './recordInstances.ts';
import { caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/**
 * Notes objects that were refused, so that their study is on the worklist with the reason. One of another patient than its study, one that is on record already,
 * and a result of our own that came back are only in the audit. Idempotent.
 */
export async function noteRefused(context: StoreContext, objects: readonly RefusedObject[]): Promise<void> {
  await write(context, async (trx, touched) => {
    for (const object of objects) if (await note(trx, context, object)) touched.add(object.header.studyInstanceUid);
  });
}

async function note(trx: Transaction<Schema>, context: StoreContext, object: RefusedObject): Promise<boolean> {
  const { header, why, refusedAtMs, sourceAeTitle } = object;
  const { studyInstanceUid, sopInstanceUid } = header;
  const kind = instanceKind(header);
  if (kind === 'own') return false;
  const row = await caseRow(trx, studyInstanceUid);
  // A study that is being removed gets its new case from the object that comes after all.
  if (row?.removing === 1) return false;
  if (row !== undefined && identityDifferences(patientOf(row), header).length > 0) return false;
  const onRecord = await trx
    .selectFrom('instances')
    .select('path')
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('sop_instance_uid', '=', sopInstanceUid)
    .executeTakeFirst();
  if (onRecord !== undefined) return false;
  if (row === undefined)
    await openCase(
      trx,
      { header, sourceAeTitle, receivedAtMs: refusedAtMs },
      'other',
      context.clock.now(),
      context.options,
    );
  else if (row.state === 'receiving')
    await trx
      .updateTable('cases')
      .set({ last_received_at: Math.max(row.last_received_at, refusedAtMs) })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
  const values = {
    series_instance_uid: header.seriesInstanceUid,
    sop_class_uid: header.sopClassUid,
    why,
    refused_at: refusedAtMs,
  };
  await trx
    .insertInto('refused_objects')
    .values({ study_instance_uid: studyInstanceUid, sop_instance_uid: sopInstanceUid, ...values })
    .onConflict((conflict) => conflict.columns(['study_instance_uid', 'sop_instance_uid']).doUpdateSet(values))
    .execute();
  return true;
}

/** What was refused of some studies and has not come since; a study of which nothing was refused is not in the map. */
export async function refusedObjects(
  db: Kysely<Schema>,
  studies: readonly string[],
): Promise<Map<string, RefusedObjects>> {
  const rows = await db
    .selectFrom('refused_objects')
    .selectAll()
    .where('study_instance_uid', 'in', studies)
    .orderBy('refused_at')
    .execute();
  const found = new Map<string, RefusedObjects>();
  for (const row of rows) {
    const known = found.get(row.study_instance_uid);
    const ctBySeries = new Map(known?.ctBySeries);
    if (CT_SOP_CLASSES.has(row.sop_class_uid))
      ctBySeries.set(row.series_instance_uid, (ctBySeries.get(row.series_instance_uid) ?? 0) + 1);
    found.set(row.study_instance_uid, { count: (known?.count ?? 0) + 1, why: row.why, ctBySeries });
  }
  return found;
}
