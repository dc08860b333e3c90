import type { Selectable } from 'kysely';
import type { DueDelivery, ResultObject } from '../../case/delivery.ts';
import type { Schema } from '../db/schema.ts';
import type { StoreContext } from './storeContext.ts';

/** Deliveries that are due at `destination`: suspected cases first, then oldest first, then checks of confirmed results; none of a case that is held. */
export async function dueDeliveries(context: StoreContext, destination: string, limit: number): Promise<DueDelivery[]> {
  const now = context.clock.now();
  const unsettled = await deliveriesOf(context, destination)
    .where('deliveries.status', 'in', ['pending', 'sent'])
    .where('deliveries.next_attempt_at', '<=', now)
    .orderBy('cases.proof')
    .orderBy((order) => order.case().when('analyses.decision', '=', 'suspected').then(0).else(1).end())
    .orderBy('deliveries.id')
    .limit(limit)
    .execute();
  if (unsettled.length >= limit) return unsettled.map((row) => dueDelivery(destination, row));
  const toCheck = await deliveriesOf(context, destination)
    .where('deliveries.status', '=', 'confirmed')
    .where('deliveries.next_check_at', '<=', now)
    .orderBy('deliveries.next_check_at')
    .limit(limit - unsettled.length)
    .execute();
  return [...unsettled, ...toCheck].map((row) => dueDelivery(destination, row));
}

/** Deliveries of a destination with what delivery needs of their object and case; none of a case that is held or being removed. */
export function deliveriesOf(context: StoreContext, destination: string) {
  return context.db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .innerJoin('cases', 'cases.study_instance_uid', 'result_objects.study_instance_uid')
    .leftJoin('analyses', (join) =>
      join
        .onRef('analyses.study_instance_uid', '=', 'result_objects.study_instance_uid')
        .onRef('analyses.revision', '=', 'result_objects.revision'),
    )
    .selectAll('result_objects')
    .select([
      'deliveries.id',
      'deliveries.attempts',
      'deliveries.status',
      'deliveries.last_error',
      'deliveries.sent_at',
      'deliveries.sends',
      'deliveries.receipt',
      'cases.patient_id',
      'cases.accession_number',
    ])
    .where('deliveries.destination', '=', destination)
    .where('cases.quarantine_reason', 'is', null)
    .where('cases.removing', '=', 0);
}

type DeliveryRow = Awaited<ReturnType<ReturnType<typeof deliveriesOf>['execute']>>[number];

export function dueDelivery(destination: string, row: DeliveryRow): DueDelivery {
  return {
    id: row.id,
    destination,
    object: resultObjectOf(row),
    caseRevision: row.revision,
    attempts: row.attempts,
    lastError: row.last_error,
    patientId: row.patient_id,
    accessionNumber: row.accession_number,
    state: row.status === 'sent' || row.status === 'confirmed' ? row.status : 'pending',
  };
}

export function resultObjectOf(row: Selectable<Schema['result_objects']>): ResultObject {
  return {
    kind: row.kind,
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
    studyInstanceUid: row.study_instance_uid,
    transferSyntaxUid: row.transfer_syntax_uid,
    path: row.path,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    ...(row.is_heatmap === 1 ? { isHeatmap: true } : {}),
  };
}
