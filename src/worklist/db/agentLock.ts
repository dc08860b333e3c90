import { createHash } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';
import { ADVISORY_LOCKS, NODE_LOCKS } from './dialect.ts';
import { clientConfig } from './postgresDatabase.ts';
import { isConnectionLost } from './postgresErrors.ts';
import type { PostgresPlace } from './postgresPlace.ts';
import { doggedly } from './transactions.ts';

const RETAKE_MS = 1_000;

/** Who wants to use a database. */
export interface DatabaseUser {
  /** `node.name`: no two have the same. */
  name: string;
  /** Nobody else may use it meanwhile. */
  isAlone: boolean;
}

interface Lock {
  numbers: readonly [number, number];
  isShared: boolean;
  /** What is wrong where another node has it, and what to do. */
  refusal: string;
}

function locksOf({ name, isAlone }: DatabaseUser): Lock[] {
  const named = createHash('sha256').update(name).digest().readInt32BE(0);
  return [
    {
      numbers: ADVISORY_LOCKS.users,
      isShared: !isAlone,
      refusal: isAlone
        ? 'An Odontoid agent is at work on this database. Stop all agents that use it first.'
        : 'A SQLite worklist is being carried over into this database. Start the agent when that has ended.',
    },
    {
      numbers: [NODE_LOCKS, named],
      isShared: false,
      refusal: `Another Odontoid agent on this database is called ${name}. Give each a name of its own (node.name).`,
    },
  ];
}

/**
 * Holds what tells the users of a PostgreSQL worklist apart until the returned function is called or the connection ends: locks of the session, so that none is
 * left behind. After a restart of the server they are taken again; `onTaken` is called where another node was faster.
 * @throws TriageError `database-invalid` when another node holds one of them
 */
export async function lockPostgres(
  place: PostgresPlace,
  user: DatabaseUser,
  onTaken: () => void,
): Promise<() => Promise<void>> {
  let isReleased = false;
  let held: pg.Client | null = null;
  /** Null, or why it was not taken. */
  const take = async (): Promise<string | null> => {
    const client = new pg.Client(clientConfig(place));
    client.on('error', () => undefined);
    await client.connect();
    for (const { numbers, isShared, refusal } of locksOf(user)) {
      const lock = isShared ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
      const { rows } = await client.query<{ taken: 0 | 1 }>(`select ${lock}($1, $2) as taken`, [...numbers]);
      if (rows[0]!.taken === 1) continue;
      await client.end();
      return refusal;
    }
    held = client;
    client.once('end', () => {
      held = null;
      if (!isReleased) retake().catch(() => undefined);
    });
    return null;
  };
  const retake = async (): Promise<void> => {
    while (!isReleased) {
      await systemClock.sleep(RETAKE_MS);
      const refusal = await take().catch(() => undefined);
      if (refusal === undefined) continue;
      if (refusal !== null) onTaken();
      return;
    }
  };
  // The connection of an agent that has just been killed is closed a moment later.
  const refusal = await doggedly(take, isConnectionLost);
  if (refusal !== null) throw new TriageError('database-invalid', refusal);
  return async () => {
    isReleased = true;
    await held?.end();
  };
}
