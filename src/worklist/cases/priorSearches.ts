import type { Transaction, Updateable } from 'kysely';
import { doubledMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { ScanWithPriors } from '../../case/priorSearch.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import { patientOf } from '../list/caseRecord.ts';
import { holdsAll } from './watchedArchives.ts';

/** How the search for priors in an archive stands. */
export interface PriorSearchStatus {
  /** Scans whose priors are still to be looked for or fetched. */
  waiting: number;
  /** Why the newest attempt that failed did so; null when none of the last day did. */
  lastError: string | null;
}

/** For which scans the archives are still to be asked for priors. Each archive is asked once for a scan, whatever becomes of it later. */
export interface PriorSearches {
  /** Puts down the scans analysed of late that no archive of these was asked for. */
  noteNew(archives: readonly string[]): Promise<void>;
  /** The scan that has waited longest; null without one. */
  nextDue(archive: string): Promise<ScanWithPriors | null>;
  /**
   * Whether a study need not be fetched: it came as a scan of its own, which more of its objects could bring back to the list, or all that the archive states is
   * here, but for the results that went there.
   */
  isHeld(archive: string, study: { studyInstanceUid: string; statedInstances: number | null }): Promise<boolean>;
  /** The archive has been asked, and what was wanted is here, or `why` it cannot be. */
  noteDone(archive: string, studyInstanceUid: string, why?: string): Promise<void>;
  /** It is tried again later, a few times. */
  noteFailed(archive: string, studyInstanceUid: string, why: string): Promise<void>;
  status(archive: string): Promise<PriorSearchStatus>;
}

/** A scan analysed before that is read already, as a rule. */
const RECENT_MS = 24 * 3_600_000;
/** The last of them comes an hour after the first: whoever reads the scan has done so. */
const MOST_ATTEMPTS = 6;
const RETRY_MIN_MS = 60_000;
const RETRY_MAX_MS = 3_600_000;
const REMEMBERED_MS = 30 * 24 * 3_600_000;

export function createPriorSearches({ db, reads }: WorklistDatabase, clock: Clock): PriorSearches {
  const change = (
    archive: string,
    studyInstanceUid: string,
    next: (attempts: number) => Updateable<Schema['prior_searches']>,
  ): Promise<void> =>
    inTransaction(db, async (trx) => {
      const row = await trx
        .selectFrom('prior_searches')
        .select('attempts')
        .where('archive', '=', archive)
        .where('study_instance_uid', '=', studyInstanceUid)
        .executeTakeFirst();
      if (row === undefined) return;
      await trx
        .updateTable('prior_searches')
        .set(next(row.attempts + 1))
        .where('archive', '=', archive)
        .where('study_instance_uid', '=', studyInstanceUid)
        .execute();
    });

  return {
    noteNew: async (archives) => {
      const nowMs = clock.now();
      const isNew = await Promise.all(archives.map((archive) => newScans(db, archive, nowMs)));
      if (isNew.every((scans) => scans.length === 0)) return;
      await inTransaction(db, async (trx) => {
        await trx
          .deleteFrom('prior_searches')
          .where('found_at', '<', nowMs - REMEMBERED_MS)
          .execute();
        for (const archive of archives) await insertNew(trx, archive, nowMs);
      });
    },
    nextDue: async (archive) => {
      const row = await db
        .selectFrom('prior_searches')
        .innerJoin('cases', 'cases.study_instance_uid', 'prior_searches.study_instance_uid')
        .selectAll('cases')
        .where('archive', '=', archive)
        .where('due_at', '<=', clock.now())
        .where('removing', '=', 0)
        .orderBy('due_at')
        .limit(1)
        .executeTakeFirst();
      return row === undefined
        ? null
        : { studyInstanceUid: row.study_instance_uid, studyDate: row.study_date, patient: patientOf(row) };
    },
    isHeld: (archive, study) =>
      inTransaction(db, async (trx) => {
        const known = await trx
          .selectFrom('cases')
          .select('recency')
          .where('study_instance_uid', '=', study.studyInstanceUid)
          .executeTakeFirst();
        return (known !== undefined && known.recency !== 'prior') || holdsAll(trx, archive, study);
      }),
    noteDone: (archive, studyInstanceUid, why) =>
      change(archive, studyInstanceUid, (attempts) => ({
        attempts,
        due_at: null,
        failed_at: why === undefined ? null : clock.now(),
        last_error: why ?? null,
      })),
    noteFailed: (archive, studyInstanceUid, why) =>
      change(archive, studyInstanceUid, (attempts) => ({
        attempts,
        due_at: attempts < MOST_ATTEMPTS ? clock.now() + doubledMs(attempts, RETRY_MIN_MS, RETRY_MAX_MS) : null,
        failed_at: clock.now(),
        last_error: why,
      })),
    status: async (archive) => {
      const { waiting } = await reads
        .selectFrom('prior_searches')
        .innerJoin('cases', 'cases.study_instance_uid', 'prior_searches.study_instance_uid')
        .select(({ fn }) => fn.countAll<number>().as('waiting'))
        .where('archive', '=', archive)
        .where('removing', '=', 0)
        .where('due_at', 'is not', null)
        .executeTakeFirstOrThrow();
      const failed = await reads
        .selectFrom('prior_searches')
        .select('last_error')
        .where('archive', '=', archive)
        .where('failed_at', '>=', clock.now() - RECENT_MS)
        .orderBy('failed_at', 'desc')
        .limit(1)
        .executeTakeFirst();
      return { waiting, lastError: failed?.last_error ?? null };
    },
  };
}

/** Scans of patients, analysed of late, for which the archive was not asked yet. */
async function newScans(
  db: WorklistDatabase['db'] | Transaction<Schema>,
  archive: string,
  nowMs: number,
): Promise<{ study_instance_uid: string }[]> {
  return db
    .selectFrom('cases')
    .select('cases.study_instance_uid')
    .where('proof', '=', 0)
    .where('analysed_at', '>=', nowMs - RECENT_MS)
    .where('recency', '!=', 'prior')
    .where('decision', 'in', ['suspected', 'not-suspected'])
    .where('removing', '=', 0)
    .where('quarantine_reason', 'is', null)
    .where('patient_id', '!=', '')
    .where('read_at', 'is', null)
    .where('cases.study_instance_uid', 'not in', (asked) =>
      asked.selectFrom('prior_searches').select('study_instance_uid').where('archive', '=', archive),
    )
    .execute();
}

async function insertNew(trx: Transaction<Schema>, archive: string, nowMs: number): Promise<void> {
  for (const { study_instance_uid } of await newScans(trx, archive, nowMs))
    await trx
      .insertInto('prior_searches')
      .values({ archive, study_instance_uid, found_at: nowMs, due_at: nowMs, failed_at: null, last_error: null })
      .execute();
}
