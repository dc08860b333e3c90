import BetterSqlite3 from 'better-sqlite3';
import { toErrorMessage } from '../../base/errorMessage.ts';
import { assertSound, backupDatabase } from './backups.ts';
import type { FromMaintenanceChild, MaintenanceQuestion } from './maintenance.ts';

// The child of maintenance.ts: checks the database, or copies it and checks the copy, then ends.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function work(question: MaintenanceQuestion): Promise<FromMaintenanceChild> {
  try {
    if (question.kind === 'backup') await backupDatabase(question.database, question.target);
    else {
      const sqlite = new BetterSqlite3(question.database, { readonly: true, fileMustExist: true });
      assertSound(sqlite, 'The database');
      sqlite.close();
    }
    return { error: null };
  } catch (error) {
    return { error: toErrorMessage(error, 'database-invalid', 'The database could not be checked') };
  }
}

process.on('message', (question: MaintenanceQuestion) => {
  work(question).then(
    (answer) => process.send?.(answer),
    () => process.exit(1),
  );
});
