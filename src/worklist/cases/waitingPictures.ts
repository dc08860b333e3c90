import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { CaseRow, ClosedCause, Schema } from '../db/schema.ts';
import { settle } from './deliveryOutcomes.ts';
import { isLeftAlone, safestFirst, type RemovableCase, type RemovalCause } from './removal.ts';
import { WAITING } from './removedFiles.ts';
import { appendEvent, caseRow, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

const isWaiting = sql.raw(`deliveries.status in (${WAITING.map((status) => `'${status}'`).join(', ')})`);

/**
 * SQL on a row of `result_objects`: a picture that waits for destinations, each of which gets the report all the same: a heatmap or the Key Object Selection, and,
 * unless the scan is flagged, the triage card. Nothing that waits only since `beforeMs`, or that a destination may still turn out to have lost.
 */
const mayBeGivenUp = (beforeMs: number) => sql<boolean>`(
  result_objects.file_removed_at is null
  and (
    result_objects.is_heatmap = 1
    or result_objects.kind = 'ks'
    or (result_objects.kind = 'sc' and not exists (
      select 1 from analyses
      where analyses.study_instance_uid = result_objects.study_instance_uid
        and analyses.revision = result_objects.revision
        and analyses.decision = 'suspected'
    ))
  )
  and exists (
    select 1 from deliveries where deliveries.sop_instance_uid = result_objects.sop_instance_uid and ${isWaiting}
  )
  and not exists (
    select 1 from deliveries
    where deliveries.sop_instance_uid = result_objects.sop_instance_uid
      and (deliveries.next_check_at is not null or (${isWaiting} and (
        deliveries.created_at >= ${beforeMs}
        or not exists (
          select 1 from deliveries as its_report
          join result_objects as report on report.sop_instance_uid = its_report.sop_instance_uid
          where its_report.destination = deliveries.destination
            and its_report.status in ('pending', 'sent', 'confirmed')
            and report.kind = 'sr'
            and report.study_instance_uid = result_objects.study_instance_uid
            and report.revision = result_objects.revision
        )
      )))
  )
)`;

/** What waits for one destination. */
export interface WaitingResults {
  destination: string;
  objects: number;
  bytes: number;
  /** Since when the first of them waits. */
  oldestAtMs: number;
}

/** What waits for each destination, or for one of them, by name. A file that waits for two is counted for both. */
export async function waitingResults(db: Kysely<Schema>, destination?: string): Promise<WaitingResults[]> {
  return db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(({ fn }) => [
      'deliveries.destination',
      fn.countAll<number>().as('objects'),
      fn.sum<number>('result_objects.size_bytes').as('bytes'),
      fn.min('deliveries.created_at').as('oldestAtMs'),
    ])
    .where('deliveries.status', 'in', WAITING)
    .$if(destination !== undefined, (all) => all.where('deliveries.destination', '=', destination!))
    .groupBy('deliveries.destination')
    .orderBy('deliveries.destination')
    .execute();
}

/** Size of the result files that wait for a destination, each counted once. */
export async function waitingBytes({ db }: StoreContext): Promise<number> {
  const { bytes } = await db
    .selectFrom('result_objects')
    .select(({ fn }) => fn.sum<number | null>('size_bytes').as('bytes'))
    .where((row) =>
      row.exists(
        row
          .selectFrom('deliveries')
          .select('deliveries.id')
          .whereRef('deliveries.sop_instance_uid', '=', 'result_objects.sop_instance_uid')
          .where('deliveries.status', 'in', WAITING),
      ),
    )
    .executeTakeFirstOrThrow();
  return bytes ?? 0;
}

/** Cases with pictures that may be given up, those that were not flagged first, then the others, each oldest first. */
export async function casesWithWaitingPictures(
  { db }: StoreContext,
  beforeMs: number,
  limit: number,
  cause: RemovalCause = 'age',
): Promise<RemovableCase[]> {
  return safestFirst(withPictures(db, beforeMs, cause), limit);
}

function withPictures(db: Kysely<Schema>, beforeMs: number, cause: RemovalCause) {
  return db
    .selectFrom('cases')
    .where((row) =>
      row.and([
        isLeftAlone(row, beforeMs, cause),
        row('removing', '=', 0),
        row('quarantine_reason', 'is', null),
        row('state', 'in', ['reported', 'delivered', 'ineligible', 'failed']),
        row.exists(picturesOf(row).where(mayBeGivenUp(beforeMs))),
      ]),
    );
}

const picturesOf = (row: ExpressionBuilder<Schema, 'cases'>) =>
  row
    .selectFrom('result_objects')
    .select('result_objects.sop_instance_uid')
    .whereRef('result_objects.study_instance_uid', '=', 'cases.study_instance_uid');

/** What became of the pictures of a case. */
export interface GivenUp {
  /** Absolute: these files are needed no more. */
  paths: string[];
  bytes: number;
}

/**
 * Closes what pictures of a case wait for, with the reason on record, and takes their files off the record; the report goes on waiting. Null when there is
 * none any more that may be given up.
 */
export async function giveUpPictures(
  context: StoreContext,
  studyInstanceUid: string,
  beforeMs: number,
  cause: RemovalCause = 'age',
): Promise<GivenUp | null> {
  return write(context, async (trx, touched) => {
    const found = await withPictures(trx, beforeMs, cause)
      .select('study_instance_uid')
      .where('study_instance_uid', '=', studyInstanceUid)
      .executeTakeFirst();
    if (found === undefined) return null;
    const row = (await caseRow(trx, studyInstanceUid))!;
    const pictures = await trx
      .selectFrom('result_objects')
      .select(['sop_instance_uid', 'path', 'size_bytes'])
      .where('study_instance_uid', '=', studyInstanceUid)
      .where(mayBeGivenUp(beforeMs))
      .execute();
    const uids = pictures.map(({ sop_instance_uid }) => sop_instance_uid);
    const now = context.clock.now();
    await trx
      .updateTable('result_objects')
      .set({ file_removed_at: now })
      .where('sop_instance_uid', 'in', uids)
      .execute();
    await closeDeliveries(trx, row, uids, now);
    await settle(trx, row, now);
    touched.add(studyInstanceUid);
    return {
      paths: pictures.map(({ path }) => path),
      bytes: pictures.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
    };
  });
}

async function closeDeliveries(
  trx: Transaction<Schema>,
  row: CaseRow,
  sopInstanceUids: readonly string[],
  now: number,
): Promise<void> {
  const closed = await trx
    .updateTable('deliveries')
    .set({ status: 'closed', last_status: 'given-up' satisfies ClosedCause })
    .where('sop_instance_uid', 'in', sopInstanceUids)
    .where('status', 'in', WAITING)
    .returning('destination')
    .execute();
  for (const destination of new Set(closed.map((one) => one.destination)))
    await appendEvent(trx, {
      studyInstanceUid: row.study_instance_uid,
      revision: row.revision,
      at: now,
      type: 'deliveryClosed',
      from: row.state,
      to: row.state,
      actor: 'housekeeping',
      detail: {
        destination,
        reason: `pictures waited for ${destination} for too long and were deleted to make room; the report still goes there`,
      },
    });
}
