import type { Kysely, Transaction } from 'kysely';
import { backoffMs } from '../../base/backoff.ts';
import { systemClock } from '../../base/clock.ts';
import { isPostgres } from './dialect.ts';
import { asDatabaseError, isConnectionLost, isCrossed } from './postgresErrors.ts';
import type { Schema } from './schema.ts';

/** A restart of the server or a switch to its standby is waited for so long; whoever asked is told after that, and asks again by itself. */
const PATIENCE_MS = 20_000;
const WAIT_MIN_MS = 5;
const WAIT_MAX_MS = 500;

/**
 * Runs `run` until it succeeds, as long as its errors pass (`isPassing`) and patience lasts.
 * @throws TriageError `database-busy` for faults of the installation that remain; other errors as they are
 */
export async function doggedly<T>(
  run: () => Promise<T>,
  isPassing: (error: unknown, attempt: number) => boolean,
): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!isPassing(error, attempt) || systemClock.monotonicMs() > deadlineMs) throw asDatabaseError(error);
    }
    await systemClock.sleep(backoffMs(`${process.pid} ${deadlineMs}`, attempt, WAIT_MIN_MS, WAIT_MAX_MS));
  }
}

/**
 * The one way to write: all of `run`, or nothing of it. On PostgreSQL it is serializable, so that its outcome is one of running after the other, as SQLite
 * with its single writer has it; it is repeated where it crossed another transaction, or the connection was lost before the commit. `run` therefore
 * changes nothing outside the database.
 */
export async function inTransaction<T>(db: Kysely<Schema>, run: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  if (!isPostgres(db)) return db.transaction().execute(run);
  return doggedly(
    () => db.transaction().setIsolationLevel('serializable').execute(run),
    (error, attempt) => isCrossed(error, attempt) || isConnectionLost(error),
  );
}

/** Reads from one moment of the database: what `run` sees does not change while it reads. It is repeated where the connection is lost. */
export async function inSnapshot<T>(reads: Kysely<Schema>, run: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  const reading = reads.transaction().setAccessMode('read only');
  if (!isPostgres(reads)) return reading.execute(run);
  return doggedly(() => reading.setIsolationLevel('repeatable read').execute(run), isConnectionLost);
}
