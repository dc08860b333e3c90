import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { TriageError } from '../../base/errors.ts';

/**
 * Holds the data folder for one agent until the returned function is called or the process dies. The lock is SQLite's own, so no stale lock is left behind.
 *
 * @throws TriageError `database-invalid` when another agent holds it
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = new BetterSqlite3(join(dataDir, 'agent.lock'), { timeout: 0 });
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    throw new TriageError(
      'database-invalid',
      `Another Odontoid agent works in ${dataDir}. Stop it, or give this one a folder of its own (dataDir).`,
      { cause: error },
    );
  }
  return () => lock.close();
}
