import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { lockPostgres } from '../../src/worklist/db/agentLock.ts';
import { isMade, migrate, openDatabase } from '../../src/worklist/db/database.ts';
import { examinePostgres } from '../../src/worklist/db/postgresDatabase.ts';
import { inTransaction } from '../../src/worklist/db/transactions.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { claimed, instanceOf, openWorklist, runSql, studyUid } from '../unit/worklist/fixture.ts';
import { copiedDatabase, emptyDatabase } from './copiedDatabase.ts';

it('is made by whichever of two processes comes first, and opened only when it is made', async () => {
  const place = await emptyDatabase();
  expect(await isMade(place)).toBe(false);
  await expect(openDatabase(place)).rejects.toMatchObject({ code: 'database-invalid' });
  const [one, other] = await Promise.all([migrate(place), migrate(place)]);
  expect([one.applied.length, other.applied.length].sort()).toEqual([0, expect.any(Number)]);
  expect(one.version).toBe(other.version);
  expect(await isMade(place)).toBe(true);
});

it('keeps whole numbers in 64 bits and compares texts byte by byte, in every table', async () => {
  const { database } = await openWorklist();
  const others = await runSql(
    database,
    `select table_name, column_name from information_schema.columns where table_schema = 'public' and table_name not like 'schema_migrations%'
       and (data_type in ('integer', 'smallint', 'character varying') or data_type = 'text' and collation_name is distinct from 'C')`,
  );
  expect(others).toEqual([]);
});

it('refuses a newer schema', async () => {
  const place = await emptyDatabase();
  await migrate(place);
  const database = await openDatabase(place);
  await runSql(database, "insert into schema_migrations (name, timestamp) values ('9999_later', '2027')");
  await database.close();
  await expect(openDatabase(place)).rejects.toMatchObject({ code: 'database-newer' });
  await expect(migrate(place)).rejects.toMatchObject({ code: 'database-newer' });
});

it('says that a server which may lose what it answered is not to be relied on', async () => {
  await expect(examinePostgres(await copiedDatabase())).rejects.toThrow('fsync off');
});

it('lets agents of different names use it together, and nobody beside whoever carries a worklist over', async () => {
  const place = await copiedDatabase();
  const lock = async (name: string, isAlone = false) => {
    const release = await lockPostgres(place, { name, isAlone }, () => undefined);
    onTestFinished(release);
    return release;
  };
  const releaseNorth = await lock('north');
  const releaseSouth = await lock('south');
  for (const taken of ['north', 'south'])
    await expect(lock(taken)).rejects.toThrow(`Another Odontoid agent on this database is called ${taken}.`);
  await expect(lock('east', true)).rejects.toThrow('An Odontoid agent is at work on this database.');
  // A refused start holds nothing: what it had taken before is free for the next.
  await releaseNorth();
  await releaseSouth();
  const releaseEast = await lock('east', true);
  await expect(lock('north')).rejects.toThrow('is being carried over');
  await releaseEast();
  await lock('north');
});

it('keeps the words of a header that holds NUL', async () => {
  const { store, query } = await openWorklist();
  await store.recordInstances([instanceOf({ study: 'damaged', patientName: 'Doe\0^Jane' })]);
  expect((await query.caseDetail(studyUid('damaged'))).row.patientName).toContain('Doe\uFFFD^Jane');
});

it('claims pass over a case that another transaction has locked, and wait for nobody', async () => {
  const { store, database, place, clock } = await openWorklist();
  await store.recordInstances(['first', 'second'].map((study) => instanceOf({ study })));
  await store.nudgeComplete(['first', 'second'].map(studyUid));
  const other = await openDatabase(place);
  onTestFinished(() => other.close());
  const [locked] = [studyUid('first'), studyUid('second')].sort();
  await inTransaction(database.db, async (trx) => {
    await trx.selectFrom('cases').selectAll().where('study_instance_uid', '=', locked!).forUpdate().execute();
    const claim = await claimed(createCaseStore(other, clock), 'assemble');
    expect(claim.record.studyInstanceUid).not.toBe(locked);
  });
});

it('gives what several processes append at once an order without gaps, and each case to one of them', async () => {
  const { store, place, clock } = await openWorklist();
  const studies = Array.from({ length: 24 }, (_, study) => study);
  await store.recordInstances(studies.map((study) => instanceOf({ study })));
  await store.nudgeComplete(studies.map(studyUid));
  const nodes = await Promise.all([1, 2, 3, 4].map(() => openDatabase(place)));
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });
  const taken = await Promise.all(
    nodes.map(async (node, index) => {
      const own = createCaseStore(node, clock);
      const audit = createAuditLog(node, systemClock);
      const mine: string[] = [];
      for (
        let claim = await own.claim('assemble', 60_000);
        claim !== null;
        claim = await own.claim('assemble', 60_000)
      ) {
        mine.push(claim.record.studyInstanceUid);
        await audit.append({ action: 'case.viewed', actor: `node-${index}`, target: claim.record.studyInstanceUid });
      }
      return mine;
    }),
  );
  expect(taken.flat().sort()).toEqual(studies.map(studyUid).sort());
  const audit = createAuditLog(nodes[0]!, systemClock);
  expect(await audit.verify()).toMatchObject({ whole: true, head: { seq: studies.length } });
});

it('undoes a transaction that throws, and goes on', async () => {
  const { database } = await openWorklist();
  const failing = inTransaction(database.db, async (trx) => {
    await sql`insert into access_keys (name, value) values ('a', 'b')`.execute(trx);
    throw new Error('not so');
  });
  await expect(failing).rejects.toThrow('not so');
  expect(await database.db.selectFrom('access_keys').selectAll().execute()).toEqual([]);
});
