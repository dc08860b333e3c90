import { setImmediate as nextTurn } from 'node:timers/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { createMaintenance } from '../../../../src/worklist/db/maintenance.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../../../src/worklist/db/database.ts';
import { createWorklistQuery } from '../../../../src/worklist/list/worklistQuery.ts';
import { instanceOf, temporaryFolder, testClock } from '../fixture.ts';

async function worklistInThreads() {
  const path = join(await temporaryFolder(), 'worklist.sqlite');
  await migrate(path);
  const database = await openDatabase(path, { readIn: 'threads' });
  onTestFinished(() => database.close());
  const clock = testClock();
  const store = createCaseStore(database, clock);
  await store.recordInstances([instanceOf({ study: 'one', patientName: 'Doe^One' }), instanceOf({ study: 'two' })]);
  return { path, database, clock, query: createWorklistQuery(database, clock, { maxWaitMs: 3_600_000 }) };
}

/** Counts to ten million: long enough that a blocked event loop shows on any machine. */
const LONG = sql<{
  n: number;
}>`with recursive steps(n) as (select 1 union all select n + 1 from steps where n < 10000000)
  select max(n) n from steps`;

test('a long query holds up neither the event loop nor the next answer', async () => {
  const { path, database, clock, query } = await worklistInThreads();
  const here = await openDatabase(path);
  onTestFinished(() => here.close());
  const inThisThread = createWorklistQuery(here, clock, { maxWaitMs: 3_600_000 });
  expect(await query.rows()).toEqual(await inThisThread.rows());
  expect(await query.totals()).toEqual(await inThisThread.totals());

  let isOver = false;
  const long = LONG.execute(database.reads).then(({ rows }) => {
    isOver = true;
    return rows;
  });
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect((await query.rows()).map(({ patientName }) => patientName)).toContain('Doe^One');
  expect(isOver).toBe(false);
  expect(await long).toEqual([{ n: 10_000_000 }]);
});

test('answers come while a stranger holds the write lock, and each transaction sees one moment', async () => {
  const { path, database, query } = await worklistInThreads();
  const stranger = new BetterSqlite3(path);
  onTestFinished(() => {
    stranger.close();
  });
  stranger.exec("begin immediate; update cases set patient_name = 'Uncommitted'");
  expect((await query.rows()).map(({ patientName }) => patientName)).not.toContain('Uncommitted');

  await database.reads
    .transaction()
    .setAccessMode('read only')
    .execute(async (trx) => {
      const count = async () =>
        (
          await trx
            .selectFrom('cases')
            .select(({ fn }) => fn.countAll<number>().as('n'))
            .executeTakeFirstOrThrow()
        ).n;
      expect(await count()).toBe(2);
      stranger.exec('delete from cases; commit');
      expect(await count()).toBe(2);
    });
  expect(await query.rows()).toEqual([]);
});

test('refusals of SQLite keep their code, and writing is refused', async () => {
  const { database } = await worklistInThreads();
  await expect(sql`select nothing from nowhere`.execute(database.reads)).rejects.toMatchObject({
    code: 'SQLITE_ERROR',
  });
  await expect(database.reads.deleteFrom('cases').execute()).rejects.toMatchObject({ code: 'SQLITE_READONLY' });
  // A failed statement leaves the thread usable.
  expect(await sql<{ one: number }>`select 1 one`.execute(database.reads)).toMatchObject({ rows: [{ one: 1 }] });
});

test('the check and the backup run in a process of their own, and damage is reported by its code', async () => {
  const { path, database } = await worklistInThreads();
  const maintenance = createMaintenance(database);
  await expect(maintenance.quickCheck()).resolves.toBeUndefined();
  const copy = await maintenance.backup(join(path, '..', 'backups'), 1_000, 3);
  const copied = new BetterSqlite3(copy!, { readonly: true });
  expect(copied.prepare('select count(*) from cases').pluck().get()).toBe(2);
  copied.close();
  const broken = createMaintenance({ ...database, path: `${path}.absent` });
  await expect(broken.quickCheck()).rejects.toMatchObject({ code: 'database-invalid' });
});
