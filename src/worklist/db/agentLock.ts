import pg from 'pg';
import { systemClock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';
import { ADVISORY_LOCKS } from './dialect.ts';
import { clientConfig } from './postgresDatabase.ts';
import { isConnectionLost } from './postgresErrors.ts';
import type { PostgresPlace } from './postgresPlace.ts';
import { doggedly } from './transactions.ts';

const RETAKE_MS = 1_000;

/**
 * Holds a PostgreSQL worklist for one agent until the returned function is called or the connection ends: a lock of the session, so that none is left behind.
 * After a restart of the server it is taken again; `onTaken` is called where another agent was faster.
 * @throws TriageError `database-invalid` when another agent holds it
 */
export async function lockPostgres(place: PostgresPlace, onTaken: () => void): Promise<() => Promise<void>> {
  let isReleased = false;
  let held: pg.Client | null = null;
  const take = async (): Promise<boolean> => {
    const client = new pg.Client(clientConfig(place));
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ taken: 0 | 1 }>('select pg_try_advisory_lock($1, $2) as taken', [
      ...ADVISORY_LOCKS.agent,
    ]);
    if (rows[0]!.taken === 0) {
      await client.end();
      return false;
    }
    held = client;
    client.once('end', () => {
      held = null;
      if (!isReleased) retake().catch(() => undefined);
    });
    return true;
  };
  const retake = async (): Promise<void> => {
    while (!isReleased) {
      await systemClock.sleep(RETAKE_MS);
      const isOurs = await take().catch(() => null);
      if (isOurs === null) continue;
      if (!isOurs) onTaken();
      return;
    }
  };
  // The connection of an agent that has just been killed is closed a moment later.
  const isOurs = await doggedly(take, isConnectionLost);
  if (!isOurs)
    throw new TriageError(
      'database-invalid',
      'Another Odontoid agent works on this database. Stop it, or give this one a database of its own (database.url).',
    );
  return async () => {
    isReleased = true;
    await held?.end();
  };
}
