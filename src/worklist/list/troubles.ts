import type { CaseState } from '../../case/caseState.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { isLeftAsIs } from '../cases/leaveAsIs.ts';

interface TroubledCase {
  studyInstanceUid: string;
  caseRef: string;
  patientName: string;
  patientId: string;
  accessionNumber: string;
  sourceAeTitle: string;
  arrivedAtMs: number;
  state: CaseState;
  reason: string;
}

/** Results of one study that one destination has not taken. */
interface StuckDelivery {
  studyInstanceUid: string;
  caseRef: string;
  patientName: string;
  patientId: string;
  destination: string;
  refused: number;
  /** Not accepted, or not confirmed, after one attempt at least. */
  waiting: number;
  attempts: number;
  sinceMs: number;
  /** Null when nothing will be tried before a person asks for it. */
  nextAttemptAtMs: number | null;
  error: string;
}

/** What waits for a person. */
export interface Troubles {
  held: TroubledCase[];
  failed: (TroubledCase & { stage: string })[];
  deliveries: StuckDelivery[];
  /** There is more than the lists hold. */
  more: boolean;
}

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

/** Held cases, failed cases and results that do not get out, oldest first, at most `limit` of each. */
export async function troubles(database: WorklistDatabase, limit: number): Promise<Troubles> {
  return database.reads
    .transaction()
    .setAccessMode('read only')
    .execute(async (db) => {
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
        .where((row) => row.not(isLeftAsIs))
        .execute();
      const failed = await cases()
        .where('state', '=', 'failed')
        .where('quarantine_reason', 'is', null)
        .where('failure_code', 'is not', null)
        .where((row) => row.not(isLeftAsIs))
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
        // What is still tried is shown whatever anybody has said.
        .where((row) => row.or([row('deliveries.status', '!=', 'refused'), row.not(isLeftAsIs)]))
        .where('cases.removing', '=', 0)
        .where('cases.proof', '=', 0)
        .groupBy(['cases.study_instance_uid', 'deliveries.destination'])
        .orderBy('since')
        .limit(limit + 1)
        .execute();
      const troubled = (row: (typeof held)[number], reason: string): TroubledCase => ({
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
      return {
        held: held.slice(0, limit).map((row) => troubled(row, row.quarantine_reason ?? '')),
        failed: failed
          .slice(0, limit)
          .map((row) => ({ ...troubled(row, row.failure_message ?? ''), stage: row.failure_stage ?? '' })),
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
