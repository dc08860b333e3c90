import type { JoinBuilder, Transaction } from 'kysely';
import type { InstanceHeader } from '../../case/case.ts';
import type { Schema } from '../db/schema.ts';
import { storedInstanceOf } from './caseRecord.ts';

/** Modality of our own results, by their kind. */
export const RESULT_MODALITIES = { sr: 'SR', sc: 'OT', ks: 'KO' } as const;

/** Joins results with their case where they are of its present revision. */
export function onPresentResults(
  join: JoinBuilder<Schema, 'result_objects' | 'cases'>,
): JoinBuilder<Schema, 'result_objects' | 'cases'> {
  return join
    .onRef('cases.study_instance_uid', '=', 'result_objects.study_instance_uid')
    .onRef('cases.revision', '=', 'result_objects.revision');
}

/** One object that the agent holds of a study: received, or a result of its own. */
export interface HeldObject {
  sopInstanceUid: string;
  sopClassUid: string;
  seriesInstanceUid: string;
  transferSyntaxUid: string;
  /** Of a received object relative to the spool, of a result absolute. */
  path: string;
  sizeBytes: number;
  /** Null for a result: its own file says more. */
  header: InstanceHeader | null;
}

export interface HeldObjectsOptions {
  withHeatmaps: boolean;
  /** Only this one. */
  sopInstanceUid?: string | undefined;
}

/**
 * The objects of a study, as they were received, and the results of its present revision. Objects that are set aside, results that a PACS sent back, replaced
 * results and notes that reject them are left out. Empty for a study that is not held.
 */
export async function heldObjects(
  db: Transaction<Schema>,
  studyInstanceUid: string,
  { withHeatmaps, sopInstanceUid }: HeldObjectsOptions,
): Promise<HeldObject[]> {
  const rows = await db
    .selectFrom('instances')
    .innerJoin('cases', 'cases.study_instance_uid', 'instances.study_instance_uid')
    .selectAll('instances')
    .where('instances.study_instance_uid', '=', studyInstanceUid)
    .where('cases.removing', '=', 0)
    .where('instances.kind', '!=', 'own')
    .where('instances.set_aside', '=', 0)
    .$if(sopInstanceUid !== undefined, (all) => all.where('instances.sop_instance_uid', '=', sopInstanceUid!))
    .orderBy('instances.received_at')
    .orderBy('instances.sha256')
    .execute();
  const received = rows.map((row): HeldObject => {
    const { header, path, sizeBytes } = storedInstanceOf(row);
    const { sopInstanceUid, sopClassUid, seriesInstanceUid, transferSyntaxUid } = header;
    return { sopInstanceUid, sopClassUid, seriesInstanceUid, transferSyntaxUid, path, sizeBytes, header };
  });
  // An object that came again in other bytes is held twice; the first is the one that was analysed.
  const objects = new Map<string, HeldObject>();
  for (const object of [...(await results(db, studyInstanceUid, withHeatmaps)), ...received])
    if (!objects.has(object.sopInstanceUid) && [object.sopInstanceUid, undefined].includes(sopInstanceUid))
      objects.set(object.sopInstanceUid, object);
  return [...objects.values()];
}

async function results(
  db: Transaction<Schema>,
  studyInstanceUid: string,
  withHeatmaps: boolean,
): Promise<HeldObject[]> {
  const rows = await db
    .selectFrom('result_objects')
    .innerJoin('cases', onPresentResults)
    .selectAll('result_objects')
    .where('result_objects.study_instance_uid', '=', studyInstanceUid)
    .where('cases.removing', '=', 0)
    .where('result_objects.form_of', 'is', null)
    .where('result_objects.file_removed_at', 'is', null)
    .where('result_objects.kind', '!=', 'ko')
    .orderBy('result_objects.path')
    .execute();
  return rows
    .filter(({ kind, is_heatmap }) => withHeatmaps || (kind !== 'ks' && is_heatmap === 0))
    .map((row) => ({
      sopInstanceUid: row.sop_instance_uid,
      sopClassUid: row.sop_class_uid,
      seriesInstanceUid: row.series_instance_uid,
      transferSyntaxUid: row.transfer_syntax_uid,
      path: row.path,
      sizeBytes: row.size_bytes,
      header: null,
    }));
}

/** Where the triage card of a flagged scan lies; null for any other scan, and while there is none. */
export async function flagCard(db: Transaction<Schema>, studyInstanceUid: string): Promise<string | null> {
  const card = await db
    .selectFrom('result_objects')
    .innerJoin('cases', onPresentResults)
    .select('result_objects.path')
    .where('result_objects.study_instance_uid', '=', studyInstanceUid)
    .where('cases.decision', '=', 'suspected')
    .where('result_objects.kind', '=', 'sc')
    .where('result_objects.is_heatmap', '=', 0)
    .executeTakeFirst();
  return card?.path ?? null;
}
