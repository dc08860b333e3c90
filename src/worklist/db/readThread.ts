import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { messageOf } from '../../base/errors.ts';
import { keepingStatements } from './keptStatements.ts';
import type { FromReadThread, ReadThreadSetup, ToReadThread } from './readThreads.ts';

// A thread of readThreads.ts: answers one statement after the other on a read-only handle of its own.
const { path, busyTimeoutMs } = workerData as ReadThreadSetup;
const sqlite = new BetterSqlite3(path, { readonly: true, timeout: busyTimeoutMs });
const prepare = keepingStatements(sqlite);

function answer({ sql, parameters }: ToReadThread): Omit<FromReadThread, 'id'> {
  try {
    const statement = prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters) };
    // Begin and end of a transaction.
    statement.run(parameters);
    return { rows: [] };
  } catch (error) {
    const code = error instanceof BetterSqlite3.SqliteError ? error.code : null;
    return { error: { message: messageOf(error), code } };
  }
}

parentPort!.on('message', (question: ToReadThread) => {
  parentPort!.postMessage({ id: question.id, ...answer(question) } satisfies FromReadThread);
});
