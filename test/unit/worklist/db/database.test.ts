import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { installationFault } from '../../../../src/base/installationFault.ts';
import { migrate, openDatabase } from '../../../../src/worklist/db/database.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { knownMigrations } from '../../../../src/worklist/db/migrations.ts';
import { createWorklistQuery } from '../../../../src/worklist/list/worklistQuery.ts';
import { instanceOf, studyUid, temporaryFolder, testClock } from '../fixture.ts';
import { expectKeptFigures } from '../keptFigures.ts';

/** Each column of each table, and whether a row can be written without it. */
function asked(sqlite: BetterSqlite3.Database): Map<string, boolean> {
  const rows = sqlite
    .prepare<[], { name: string; optional: number }>(
      `select t.name || '.' || c.name as name, c."notnull" = 0 or c.dflt_value is not null or c.pk > 0 as optional
       from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite%'`,
    )
    .all();
  return new Map(rows.map(({ name, optional }) => [name, optional === 1]));
}

/** What an older version would miss after a migration. */
function missed(before: ReadonlyMap<string, boolean>, after: ReadonlyMap<string, boolean>): string[] {
  const tables = new Set([...before.keys()].map((name) => name.split('.')[0]));
  return [
    ...[...before.keys()].filter((name) => !after.has(name)),
    ...[...after]
      .filter(([name, isOptional]) => !isOptional && tables.has(name.split('.')[0]) && before.get(name) !== false)
      .map(([name]) => `${name} has to be given`),
  ];
}

describe('database', () => {
  it('migrates once, and opens each time in WAL with synchronous FULL and foreign keys', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    const steps = (await readdir(new URL('../../../../migrations/', import.meta.url)))
      .map((file) => file.replace(/\.ts$/, ''))
      .sort();
    expect(await migrate(path)).toEqual({ applied: steps, version: steps.at(-1) });
    expect(await migrate(path)).toEqual({ applied: [], version: steps.at(-1) });
    for (let opening = 0; opening < 2; opening++) {
      const database = await openDatabase(path);
      expect(
        ['journal_mode', 'synchronous', 'foreign_keys'].map((name) => database.sqlite.pragma(name, { simple: true })),
      ).toEqual(['wal', 2, 1]);
      await database.close();
    }
  });

  it('gives each migration a number of its own, whatever branch it comes from', async () => {
    const numbers = (await readdir(new URL('../../../../migrations/', import.meta.url))).map((file) =>
      file.slice(0, 4),
    );
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  });

  it('refuses a database that was never migrated, and says what to do', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await expect(openDatabase(path)).rejects.toMatchObject({
      code: 'database-invalid',
      message: expect.stringContaining('odontoid migrate'),
    });
  });

  it('refuses a newer schema, to open and to migrate', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(path);
    const sqlite = new BetterSqlite3(path);
    sqlite.prepare("insert into schema_migrations (name, timestamp) values ('9999_later', '2027')").run();
    sqlite.close();
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database-newer' });
    await expect(migrate(path)).rejects.toMatchObject({ code: 'database-newer' });
  });

  it('goes on where a newer version has only added to the schema, and lets that version go on', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    const { version } = await migrate(path);
    const sqlite = new BetterSqlite3(path);
    sqlite.exec('create table later (name text); alter table cases add column later text');
    sqlite.prepare("insert into schema_migrations (name, timestamp) values ('9999_later_additive', '2027')").run();
    expect(await migrate(path)).toEqual({ applied: [], version });
    const database = await openDatabase(path);
    await createCaseStore(database, testClock(), {}).recordInstances([instanceOf({ study: 1, number: 1 })]);
    expect(
      (await createWorklistQuery(database, testClock(), { maxWaitMs: 3_600_000 }).rows()).map(
        (row) => row.studyInstanceUid,
      ),
    ).toEqual([studyUid(1)]);
    await database.close();
    expect(
      sqlite.prepare("select count(*) from schema_migrations where name = '9999_later_additive'").pluck().get(),
    ).toBe(1);
    sqlite.prepare("insert into schema_migrations (name, timestamp) values ('9999_more', '2027')").run();
    sqlite.close();
    await expect(openDatabase(path)).rejects.toMatchObject({
      code: 'database-newer',
      message: expect.stringContaining('(9999_more)') as string,
    });
  });

  it('calls additive only a migration that takes nothing from an older version, and asks nothing of it', async () => {
    const sqlite = new BetterSqlite3(':memory:');
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) });
    for (const [name, migration] of Object.entries(await knownMigrations())) {
      const before = asked(sqlite);
      await migration.up(db);
      if (name.endsWith('_additive')) expect([name, ...missed(before, asked(sqlite))]).toEqual([name]);
    }
    // The check itself.
    for (const [statement, problems] of [
      ['create table later (name text not null)', []],
      ['alter table cases add column later text', []],
      ["alter table cases add column much_later text not null default ''", []],
      ['drop table later', ['later.name']],
      ['alter table cases drop column later', ['cases.later']],
      ['create table other (name text)', []],
      ['drop table other; create table other (name text, more text not null)', ['other.more has to be given']],
    ] as const) {
      const before = asked(sqlite);
      sqlite.exec(statement);
      expect([statement, ...missed(before, asked(sqlite))]).toEqual([statement, ...problems]);
    }
    sqlite.close();
  });

  it('refuses a file that is no database, and a folder that is not there', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'worklist.sqlite');
    await writeFile(path, 'this is not a database, and it is longer than a header would be'.repeat(20));
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database-invalid' });
    await expect(openDatabase(join(folder, 'none', 'worklist.sqlite'))).rejects.toMatchObject({
      code: 'database-invalid',
    });
  });

  it('a transaction that the disk is too full for fails with that reason, and the next one begins', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(path);
    const database = await openDatabase(path);
    const { db, sqlite } = database;
    const note = (value: string) =>
      db.transaction().execute((trx) =>
        trx
          .insertInto('notes' as never)
          .values({ value } as never)
          .execute(),
      );
    sqlite.exec('create table notes (value text)');
    sqlite.pragma(`max_page_count = ${String(sqlite.pragma('page_count', { simple: true }))}`);
    const error: unknown = await note('x'.repeat(1_000_000)).catch((reason: unknown) => reason);
    expect([error, installationFault(error)]).toEqual([
      expect.objectContaining({ code: 'SQLITE_FULL' }),
      'SQLITE_FULL',
    ]);
    await note('short');
    expect(sqlite.prepare('select value from notes').pluck().all()).toEqual(['short']);
    await database.close();
  });

  it('lets two processes’ worth of migrations run into each other', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(path);
    expect((await Promise.all([migrate(path), migrate(path)])).map((result) => result.applied)).toEqual([[], []]);
  });
});

/** A database as an older version left it: the first `count` migrations, and one case. */
async function olderDatabase(count: number): Promise<{ path: string; newest: string; names: string[] }> {
  const path = join(await temporaryFolder(), 'worklist.sqlite');
  const folder = new URL('../../../../migrations/', import.meta.url);
  const names = (await readdir(folder)).sort().map((file) => file.replace(/\.ts$/, ''));
  const older: Record<string, Migration> = {};
  for (const name of names.slice(0, count))
    older[name] = (await import(new URL(`${name}.ts`, folder).href)) as Migration;
  const sqlite = new BetterSqlite3(path);
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) });
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(older) },
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
  }).migrateToLatest();
  if (error !== undefined) throw error as Error;
  sqlite.exec(`insert into cases (study_instance_uid, state, revision, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex,
    patient_age, accession_number, study_date, study_time, study_description, acquired_at, source_ae_title, first_received_at, last_received_at)
    values ('1.2.3', 'delivered', 1, 'P-7', '', 'Doe^Older', '', '', '', 'A-9', '', '', '', '', 'CT1', 11, 12)`);
  await db.destroy();
  return { path, newest: names[count - 1]!, names };
}

describe('an older database', () => {
  const backupsOf = async (path: string) => (await readdir(join(dirname(path), 'backups')).catch(() => [])).sort();

  it('is backed up once before it is migrated, whole and as it was; a new one is not', async () => {
    const { path, newest, names } = await olderDatabase(9);
    const { applied } = await migrate(path);
    expect(applied).toEqual(names.slice(9));
    const [backup, ...more] = await backupsOf(path);
    expect(more).toEqual([]);
    expect(backup).toMatch(new RegExp(`^before-${newest}-\\d{8}T\\d{6}Z\\.sqlite$`));
    const copy = new BetterSqlite3(join(dirname(path), 'backups', backup!), { readonly: true });
    expect(copy.prepare('select patient_name from cases').pluck().all()).toEqual(['Doe^Older']);
    expect(copy.prepare('select max(name) from schema_migrations').pluck().get()).toBe(newest);
    expect(copy.pragma('quick_check', { simple: true })).toBe('ok');
    copy.close();

    // What is kept beside the cases is made from those that were there.
    const database = await openDatabase(path);
    onTestFinished(() => database.close());
    await expectKeptFigures(database);
    await migrate(path);
    expect(await backupsOf(path)).toEqual([backup]);

    const fresh = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(fresh);
    expect(await backupsOf(fresh)).toEqual([]);
  });

  it('is not touched when it cannot be backed up', async () => {
    const { path, newest } = await olderDatabase(12);
    await writeFile(join(dirname(path), 'backups'), 'a file where the folder should be');
    await expect(migrate(path)).rejects.toMatchObject({ code: 'not-found' });
    const sqlite = new BetterSqlite3(path, { readonly: true });
    expect(sqlite.prepare('select max(name) from schema_migrations').pluck().get()).toBe(newest);
    sqlite.close();
  });
});
