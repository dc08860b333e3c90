import type { NeedsAttention } from '../../answers/adminAnswers.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inSnapshot } from '../db/transactions.ts';
import { isDismissed } from '../cases/dismiss.ts';
import { heldFacts } from './heldCases.ts';

type WaitingCase = Omit<NeedsAttention['failed'][number], 'stage'>;

const LISTED = [
  'study_instance_uid',
  'case_ref',
  'patient_name',
  'patient_id',
  'accession_number',
  'source_ae_title',
  'first_received_at',
  'state',
  'quarantine_reason',
  'failure_message',
  'failure_stage',
] as const;

/** Held cases, failed cases and results that cannot be delivered, oldest first, at most `limit` of each. */
export async function needsAttention(database: WorklistDatabase, limit: number): Promise<NeedsAttention> {
  return inSnapshot(database.reads, async (db) => {
    const cases = () =>
      db
        .selectFrom('cases')
        .select(LISTED)
        .where('removing', '=', 0)
        .where('proof', '=', 0)
        .orderBy('first_received_at')
        .limit(limit + 1);
    const held = await cases()
      .where('quarantine_reason', 'is not', null)
      .where((row) => row.not(isDismissed))
      .execute();
    const failed = await cases()
      .where('state', '=', 'failed')
      .where('quarantine_reason', 'is', null)
      .where('failure_code', 'is not', null)
      .where((row) => row.not(isDismissed))
      .execute();
    const stuck = await db
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .innerJoin('cases', 'cases.study_instance_uid', 'result_objects.study_instance_uid')
      .select([
        'cases.study_instance_uid',
        'cases.case_ref',
        'cases.patient_name',
        'cases.patient_id',
        'deliveries.destination',
      ])
      .select(({ fn, eb }) => [
        fn.sum<number>(eb.case().when('deliveries.status', '=', 'refused').then(1).else(0).end()).as('refused'),
        fn.count<number>('deliveries.id').as('open'),
        fn.max('deliveries.attempts').as('attempts'),
        fn.min('deliveries.created_at').as('since'),
        fn
          .min(eb.case().when('deliveries.status', '!=', 'refused').then(eb.ref('deliveries.next_attempt_at')).end())
          .as('next'),
        fn.max('deliveries.last_error').as('error'),
      ])
      .where('deliveries.status', 'in', ['pending', 'sent', 'refused'])
      .where('deliveries.last_error', 'is not', null)
      // Deliveries that are still retried are shown even after a dismissal.
      .where((row) => row.or([row('deliveries.status', '!=', 'refused'), row.not(isDismissed)]))
      .where('cases.removing', '=', 0)
      .where('cases.proof', '=', 0)
      .groupBy(['cases.study_instance_uid', 'deliveries.destination'])
      .orderBy('since')
      .limit(limit + 1)
      .execute();
    const waiting = (row: (typeof held)[number], reason: string): WaitingCase => ({
      studyInstanceUid: row.study_instance_uid,
      caseRef: row.case_ref ?? '',
      patientName: row.patient_name,
      patientId: row.patient_id,
      accessionNumber: row.accession_number,
      sourceAeTitle: row.source_ae_title,
      arrivedAtMs: row.first_received_at,
      state: row.state,
      reason,
    });
    const ofHeld = await heldFacts(
      db,
      held.map((row) => row.study_instance_uid),
    );
    return {
      held: held.slice(0, limit).map((row) => ({
        ...waiting(row, row.quarantine_reason ?? ''),
        ...ofHeld.get(row.study_instance_uid)!,
      })),
      failed: failed
        .slice(0, limit)
        .map((row) => ({ ...waiting(row, row.failure_message ?? ''), stage: row.failure_stage ?? '' })),
      deliveries: stuck.slice(0, limit).map((row) => ({
        studyInstanceUid: row.study_instance_uid,
        caseRef: row.case_ref ?? '',
        patientName: row.patient_name,
        patientId: row.patient_id,
        destination: row.destination,
        refused: row.refused,
        waiting: row.open - row.refused,
        attempts: row.attempts,
        sinceMs: row.since,
        nextAttemptAtMs: row.next,
        error: row.error ?? '',
      })),
      more: held.length > limit || failed.length > limit || stuck.length > limit,
    };
  });
}
