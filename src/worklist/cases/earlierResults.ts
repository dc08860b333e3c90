import type { Kysely } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { ClaimedCase } from '../../case/claim.ts';
import type { ResultObject } from '../../case/delivery.ts';
import type { Schema } from '../db/schema.ts';
import { resultObjectOf } from './dueDeliveries.ts';
import { deliveryAndObject } from './outbox.ts';
import type { StoreContext } from './storeContext.ts';

/** Reports of earlier revisions that a destination has taken, oldest first (PredecessorDocumentsSequence, PS3.3 C.17.2). */
export async function previousReports(
  db: Kysely<Schema>,
  studyInstanceUid: string,
  beforeRevision: number,
): Promise<ClaimedCase['previousSr']> {
  const rows = await db
    .selectFrom('result_objects')
    .select(['sop_class_uid', 'sop_instance_uid', 'series_instance_uid'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('revision', '<', beforeRevision)
    .where('kind', '=', 'sr')
    .where((object) =>
      object.exists(
        object
          .selectFrom('deliveries')
          .select('id')
          .whereRef('deliveries.sop_instance_uid', '=', 'result_objects.sop_instance_uid')
          .where('sent_at', 'is not', null),
      ),
    )
    .orderBy('revision')
    // Of several SR classes of one report, the one that the report stage wrote comes last.
    .orderBy('form_of', (order) => order.desc().nullsLast())
    .orderBy('sop_instance_uid')
    .execute();
  return rows.map(referenceOf);
}

function referenceOf(row: {
  sop_class_uid: string;
  sop_instance_uid: string;
  series_instance_uid: string;
}): ClaimedCase['previousSr'][number] {
  return {
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
  };
}

/**
 * The report that a delivery carries, as the report stage wrote it, and the newest report of an earlier revision that its destination has taken.
 * @throws TriageError `not-found`
 */
export async function reportOfDelivery(
  { db }: StoreContext,
  id: number,
): Promise<{ report: ResultObject; predecessor: ClaimedCase['previousSr'][number] | null }> {
  const sent = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .select('deliveries.destination')
    .where('deliveries.id', '=', id)
    .executeTakeFirst();
  const report = await db
    .selectFrom('result_objects')
    .selectAll()
    .where('sop_instance_uid', '=', sent?.form_of ?? sent?.sop_instance_uid ?? '')
    .executeTakeFirst();
  if (sent === undefined || report === undefined) throw new TriageError('not-found', `There is no delivery ${id}.`);
  const before = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .where('deliveries.destination', '=', sent.destination)
    .where('deliveries.sent_at', 'is not', null)
    .where('result_objects.study_instance_uid', '=', sent.study_instance_uid)
    .where('result_objects.kind', '=', 'sr')
    .where('result_objects.revision', '<', sent.revision)
    .orderBy('result_objects.revision', 'desc')
    .orderBy('deliveries.sent_at', 'desc')
    .orderBy('result_objects.sop_instance_uid')
    .limit(1)
    .executeTakeFirst();
  return { report: resultObjectOf(report), predecessor: before === undefined ? null : referenceOf(before) };
}

/**
 * What a delivery replaces at its destination: results of earlier revisions that it has and that no note has rejected yet, and the report that replaces them.
 * Null where there is nothing, or the destination wants no notes.
 */
export async function replacedBy(
  { db, options }: StoreContext,
  id: number,
): Promise<{ report: ResultObject; replaced: ResultObject[] } | null> {
  const delivery = await deliveryAndObject(db, id);
  if (options.wishes.get(delivery.destination)?.rejectReplaced !== true) return null;
  const known = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .selectAll('result_objects')
    .where('deliveries.destination', '=', delivery.destination)
    .where('result_objects.study_instance_uid', '=', delivery.study_instance_uid)
    .where((row) => row.or([row('deliveries.sent_at', 'is not', null), row('result_objects.kind', '=', 'ko')]))
    .orderBy('result_objects.revision')
    .orderBy('deliveries.id')
    .execute();
  // A note rejects everything before its own revision.
  const noted = Math.max(0, ...known.filter(({ kind }) => kind === 'ko').map(({ revision }) => revision));
  const replaced = known.filter(
    ({ kind, revision }) => kind !== 'ko' && revision >= noted && revision < delivery.revision,
  );
  const report = await db
    .selectFrom('result_objects')
    .selectAll()
    .where('study_instance_uid', '=', delivery.study_instance_uid)
    .where('revision', '=', delivery.revision)
    .where('kind', '=', 'sr')
    .where('form_of', 'is', null)
    .executeTakeFirst();
  return report === undefined || replaced.length === 0
    ? null
    : { report: resultObjectOf(report), replaced: replaced.map(resultObjectOf) };
}
