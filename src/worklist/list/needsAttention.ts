import type { NeedsAttention } from '../../answers/adminAnswers.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inSnapshot } from '../db/transactions.ts';
import { isDismissed } from '../cases/dismiss.ts';
import { heldFacts } from './heldCases.ts';
import type { Schema } from '../db/schema.ts';
import { sql, type Transaction } from 'kysely';

type WaitingCase = Omit<NeedsAttention['failed'][number], 'stage'>;

const LISTED = [
  'study_instance_uid',
  'case_ref',
  'patient_name',
  'patient_id',
  'issuer_of_patient_id',
  'patient_birth_date',
  'patient_sex',
  'accession_number',
  'source_ae_title',
  'first_received_at',
  'state',
  'quarantine_reason',
  'failure_message',
  'failure_stage',
] as const;

type Reader = Pick<Transaction<Schema>, 'selectFrom'>;

const realCases = (db: Reader) => db.selectFrom('cases').where('removing', '=', 0).where('proof', '=', 0);

const heldCases = (db: Reader) =>
  realCases(db)
    .where('quarantine_reason', 'is not', null)
    .where((row) => row.not(isDismissed));

const failedCases = (db: Reader) =>
  realCases(db)
    .where('state', '=', 'failed')
    .where('quarantine_reason', 'is', null)
    .where('failure_code', 'is not', null)
    .where((row) => row.not(isDismissed));

/** Deliveries whose last attempt failed, a group for each study and destination. */
const stuckDeliveries = (db: Reader) =>
  db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .innerJoin('cases', 'cases.study_instance_uid', 'result_objects.study_instance_uid')
    .where('deliveries.status', 'in', ['pending', 'sent', 'refused'])
    .where('deliveries.last_error', 'is not', null)
    // Deliveries that are still retried are shown even after a dismissal.
    .where((row) => row.or([row('deliveries.status', '!=', 'refused'), row.not(isDismissed)]))
    .where('cases.removing', '=', 0)
    .where('cases.proof', '=', 0)
    .groupBy(['cases.study_instance_uid', 'deliveries.destination']);

/** How many studies, and results of a study at a destination, {@link needsAttention} would list without a limit. */
export async function countNeedsAttention(database: WorklistDatabase): Promise<number> {
  return inSnapshot(database.reads, async (db) => {
    const count = sql<number>`count(*)`.as('count');
    const held = await heldCases(db).select(count).executeTakeFirstOrThrow();
    const failed = await failedCases(db).select(count).executeTakeFirstOrThrow();
    const stuck = await db
      .selectFrom(stuckDeliveries(db).select('cases.study_instance_uid').as('stuck'))
      .select(count)
      .executeTakeFirstOrThrow();
    return held.count + failed.count + stuck.count;
  });
}

/** Held cases, failed cases and results that cannot be delivered, oldest first, at most `limit` of each. */
export async function needsAttention(database: WorklistDatabase, limit: number): Promise<NeedsAttention> {
  return inSnapshot(database.reads, async (db) => {
    const listed = (cases: typeof heldCases | typeof failedCases) =>
      cases(db)
        .select(LISTED)
        .orderBy('first_received_at')
        .limit(limit + 1)
        .execute();
    const held = await listed(heldCases);
    const failed = await listed(failedCases);
    const stuck = await stuckDeliveries(db)
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
    const ofHeld = await heldFacts(db, held);
    return {
      held: held.slice(0, limit).map((row) => ({
        ...waiting(row, row.quarantine_reason ?? ''),
        patientBirthDate: row.patient_birth_date,
        sex: row.patient_sex,
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
