import type { Transaction, Updateable } from 'kysely';
import { doubledMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

/** A study that an archive was found to have. */
interface FoundInArchive {
  studyInstanceUid: string;
  /** DICOM DA. */
  studyDate: string;
  /** The objects that the archive says it has; null when it does not say. */
  statedInstances: number | null;
}

/** A study that is to be fetched now. */
export type DueStudy = FoundInArchive & { attempts: number };

/** How the watch of an archive stands. */
export interface WatchStatus {
  /** When a look found everything there was; null for never. */
  succeededAtMs: number | null;
  /** Why the last look failed; null when it did not. */
  lastError: string | null;
  /** Studies that are to be fetched, and those of them that three attempts have not fetched. */
  waiting: number;
  failing: number;
  /** Why the last attempt on one of them failed; null without. */
  fetchError: string | null;
}

/** What the archives that are watched were found to have, and what of it is still to be fetched. */
export interface WatchedArchives {
  /** The last day up to which everything found is on record; null before the first look. */
  askedTo(archive: string): Promise<string | null>;
  /** Records what was found up to a day. A study is due when it is new here, or has more objects than it had. */
  noteFound(archive: string, found: readonly FoundInArchive[], askedTo: string): Promise<void>;
  noteFailedLook(archive: string, why: string): Promise<void>;
  due(archive: string, limit: number): Promise<DueStudy[]>;
  noteFetched(archive: string, studyInstanceUid: string): Promise<void>;
  /** It is due again later, and later each time. */
  noteFailedFetch(archive: string, studyInstanceUid: string, why: string): Promise<void>;
  noteGone(archive: string, studyInstanceUid: string): Promise<void>;
  status(archive: string): Promise<WatchStatus>;
}

/** Fewer may be a passing fault. */
const FAILING_ATTEMPTS = 3;
const RETRY_MIN_MS = 60_000;
const RETRY_MAX_MS = 6 * 3_600_000;
/** A study is remembered for longer than any look goes back. */
const REMEMBERED_MS = 120 * 86_400_000;

export function createWatchedArchives({ db, reads }: WorklistDatabase, clock: Clock): WatchedArchives {
  const change = (
    archive: string,
    studyInstanceUid: string,
    next: (attempts: number) => Updateable<Schema['watched_studies']>,
  ): Promise<void> =>
    inTransaction(db, async (trx) => {
      const known = await trx
        .selectFrom('watched_studies')
        .select('attempts')
        .where('archive', '=', archive)
        .where('study_instance_uid', '=', studyInstanceUid)
        .executeTakeFirst();
      if (known === undefined) return;
      await trx
        .updateTable('watched_studies')
        .set(next(known.attempts))
        .where('archive', '=', archive)
        .where('study_instance_uid', '=', studyInstanceUid)
        .execute();
    });
  return {
    askedTo: async (archive) => {
      const row = await db
        .selectFrom('watched_archives')
        .select('asked_to')
        .where('name', '=', archive)
        .executeTakeFirst();
      return row?.asked_to ?? null;
    },
    noteFound: (archive, found, askedTo) =>
      inTransaction(db, async (trx) => {
        const nowMs = clock.now();
        for (const one of found) await note(trx, archive, one, nowMs);
        const values = { asked_to: askedTo, succeeded_at: nowMs, last_error: null };
        await trx
          .insertInto('watched_archives')
          .values({ name: archive, failed_at: null, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute();
        await trx
          .deleteFrom('watched_studies')
          .where('due_at', 'is', null)
          .where('found_at', '<', nowMs - REMEMBERED_MS)
          .execute();
      }),
    noteFailedLook: async (archive, why) => {
      const values = { failed_at: clock.now(), last_error: why };
      await inTransaction(db, (trx) =>
        trx
          .insertInto('watched_archives')
          .values({ name: archive, asked_to: null, succeeded_at: null, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute(),
      );
    },
    due: async (archive, limit) => {
      const rows = await db
        .selectFrom('watched_studies')
        .selectAll()
        .where('archive', '=', archive)
        .where('due_at', '<=', clock.now())
        .orderBy('due_at')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        studyInstanceUid: row.study_instance_uid,
        studyDate: row.study_date,
        statedInstances: row.stated_instances,
        attempts: row.attempts,
      }));
    },
    noteFetched: (archive, studyInstanceUid) =>
      change(archive, studyInstanceUid, () => ({ due_at: null, attempts: 0, last_error: null })),
    noteFailedFetch: (archive, studyInstanceUid, why) =>
      change(archive, studyInstanceUid, (attempts) => ({
        attempts: attempts + 1,
        // At the next look, then after 2, 4, 8 ... minutes.
        due_at: clock.now() + (attempts === 0 ? 0 : doubledMs(attempts + 1, RETRY_MIN_MS, RETRY_MAX_MS)),
        last_error: why,
      })),
    noteGone: (archive, studyInstanceUid) =>
      change(archive, studyInstanceUid, () => ({ due_at: null, last_error: 'it is no longer in the archive' })),
    status: async (archive) => {
      const look = await reads
        .selectFrom('watched_archives')
        .selectAll()
        .where('name', '=', archive)
        .executeTakeFirst();
      const open = await reads
        .selectFrom('watched_studies')
        .select(['attempts', 'last_error'])
        .where('archive', '=', archive)
        .where('due_at', 'is not', null)
        .orderBy('due_at', 'desc')
        .execute();
      return {
        succeededAtMs: look?.succeeded_at ?? null,
        lastError: look?.last_error ?? null,
        waiting: open.length,
        failing: open.filter(({ attempts }) => attempts >= FAILING_ATTEMPTS).length,
        fetchError: open.find(({ attempts }) => attempts > 0)?.last_error ?? null,
      };
    },
  };
}

async function note(
  trx: Transaction<Schema>,
  archive: string,
  { studyInstanceUid, studyDate, statedInstances }: FoundInArchive,
  nowMs: number,
): Promise<void> {
  const known = await trx
    .selectFrom('watched_studies')
    .select(['stated_instances', 'due_at'])
    .where('archive', '=', archive)
    .where('study_instance_uid', '=', studyInstanceUid)
    .executeTakeFirst();
  if (known === undefined) {
    const isDue = !(await isHeld(trx, archive, { studyInstanceUid, statedInstances }));
    await trx
      .insertInto('watched_studies')
      .values({
        archive,
        study_instance_uid: studyInstanceUid,
        study_date: studyDate,
        stated_instances: statedInstances,
        found_at: nowMs,
        due_at: isDue ? nowMs : null,
        last_error: null,
      })
      .execute();
    return;
  }
  if (statedInstances === null || statedInstances <= (known.stated_instances ?? 0)) return;
  // What grew by results that the archive got from here has not grown.
  const isDue = known.due_at === null && !(await isHeld(trx, archive, { studyInstanceUid, statedInstances }));
  await trx
    .updateTable('watched_studies')
    .set({ stated_instances: statedInstances, ...(isDue ? { due_at: nowMs, attempts: 0, last_error: null } : {}) })
    .where('archive', '=', archive)
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
}

/** Whether the agent has all that the archive states, or has had the study and removed it. */
async function isHeld(
  trx: Transaction<Schema>,
  archive: string,
  study: Pick<FoundInArchive, 'studyInstanceUid' | 'statedInstances'>,
): Promise<boolean> {
  for (const table of ['removed_cases', 'removed_files'] as const) {
    const removed = await trx
      .selectFrom(table)
      .select('study_instance_uid')
      .where('study_instance_uid', '=', study.studyInstanceUid)
      .executeTakeFirst();
    if (removed !== undefined) return true;
  }
  return holdsAll(trx, archive, study);
}

/** Whether the agent has all that the archive states, but for the results that went there. */
export async function holdsAll(
  trx: Transaction<Schema>,
  archive: string,
  { studyInstanceUid, statedInstances }: Pick<FoundInArchive, 'studyInstanceUid' | 'statedInstances'>,
): Promise<boolean> {
  const received = await trx
    .selectFrom('instances')
    .select('sop_instance_uid')
    .distinct()
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('kind', '!=', 'own')
    .execute();
  if (statedInstances === null) return received.length > 0;
  const sentThere = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.id')
    .where('result_objects.study_instance_uid', '=', studyInstanceUid)
    .where('deliveries.destination', '=', archive)
    .where('deliveries.status', 'in', ['sent', 'confirmed'])
    .execute();
  return received.length > 0 && received.length + sentThere.length >= statedInstances;
}
